DROP INDEX purchases_library;
ALTER TABLE purchases DROP COLUMN suspended_at;
