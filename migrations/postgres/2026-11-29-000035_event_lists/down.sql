DROP TABLE event_lists;
