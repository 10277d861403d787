DROP INDEX disputes_by_closed_at;
DROP INDEX refunds_by_completed_at;
DROP INDEX payments_sales;
DROP TABLE ledger_entries;
