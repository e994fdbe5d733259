DROP TABLE completeness;
DROP TABLE saved_views;
