DROP INDEX movies_withdrawn;
