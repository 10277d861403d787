DROP INDEX payments_without_sale;
