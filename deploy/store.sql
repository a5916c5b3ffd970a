-- The store's user, its database and its schema. Run once as an administrator with CREATEROLE and CREATEDB.
CREATE ROLE coffer LOGIN PASSWORD 'change-me';
-- Only a member of the role, or a superuser, can create a schema that belongs to it.
GRANT coffer TO CURRENT_USER;
CREATE DATABASE coffer;
REVOKE ALL ON DATABASE coffer FROM PUBLIC;
GRANT CONNECT ON DATABASE coffer TO coffer;
\connect coffer
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA coffer AUTHORIZATION coffer;
