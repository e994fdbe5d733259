DROP TABLE campaign_attachments;
DROP TABLE template_attachments;
DROP TABLE attached_pieces;
DROP TABLE attached_files;
