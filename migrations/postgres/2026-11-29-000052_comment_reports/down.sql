DROP TABLE comment_reports;
DROP TABLE reported_comments;
