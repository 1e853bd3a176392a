-- What every later file builds on: case-insensitive text for addresses and user names.
create extension if not exists citext;
