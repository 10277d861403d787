DROP TABLE stream_tickets;
DROP TABLE notification_actors;
DROP TABLE notifications;
DROP TABLE notification_inboxes;
