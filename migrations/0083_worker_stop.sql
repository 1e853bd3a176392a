-- A worker that an administrator asked to drain and stop: it hears of it at its next heartbeat.
alter table workers add column stop_requested_at timestamptz;
