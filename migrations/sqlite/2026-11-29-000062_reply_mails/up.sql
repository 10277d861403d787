-- `reply_mails` is the number of mails about replies and likes that the user got since `reply_mails_since`. It is counted
-- because there is a daily limit for such mails.
ALTER TABLE notification_inboxes ADD COLUMN reply_mails INTEGER NOT NULL DEFAULT 0 CHECK (reply_mails >= 0);
ALTER TABLE notification_inboxes ADD COLUMN reply_mails_since INTEGER;
