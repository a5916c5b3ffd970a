-- The store's user, its database and its schema: run once, by an administrator with CREATEROLE and CREATEDB.
CREATE ROLE coffer LOGIN PASSWORD 'change-me';
-- Whoever gives the user a schema must be a member of it, but for superusers.
GRANT coffer TO CURRENT_USER;
CREATE DATABASE coffer;
REVOKE ALL ON DATABASE coffer FROM PUBLIC;
GRANT CONNECT ON DATABASE coffer TO coffer;
\connect coffer
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA coffer AUTHORIZATION coffer;
