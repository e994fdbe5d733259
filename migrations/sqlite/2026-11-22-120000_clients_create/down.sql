DROP TABLE contacts;
DROP TABLE changes;
DROP TABLE client_values;
DROP TABLE clients;
