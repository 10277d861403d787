-- The number of mails about replies and likes to the user since `reply_mails_since`, for a daily limit.
ALTER TABLE notification_inboxes ADD COLUMN reply_mails INTEGER NOT NULL DEFAULT 0 CHECK (reply_mails >= 0);
ALTER TABLE notification_inboxes ADD COLUMN reply_mails_since INTEGER;
