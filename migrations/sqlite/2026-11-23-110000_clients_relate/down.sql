DROP TABLE client_relations;
