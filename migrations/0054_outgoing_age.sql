-- Calls are forgotten by the day they were made, whether or not an answer was ever heard.
drop index outgoing_calls_age;
create index outgoing_calls_age on outgoing_calls (first_sent_at);
