DROP TABLE sender_quotas;
DROP TABLE suppressions;
DROP TABLE campaign_recipients;
DROP TABLE campaigns;
