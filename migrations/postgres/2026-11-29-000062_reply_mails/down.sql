ALTER TABLE notification_inboxes DROP COLUMN reply_mails_since;
ALTER TABLE notification_inboxes DROP COLUMN reply_mails;
