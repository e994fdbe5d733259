DROP INDEX clients_by_creation;
