-- How many mails about replies the user got since then, so that there is a limit a day.
ALTER TABLE notification_inboxes ADD COLUMN reply_mails INTEGER NOT NULL DEFAULT 0 CHECK (reply_mails >= 0);
ALTER TABLE notification_inboxes ADD COLUMN reply_mails_since INTEGER;
