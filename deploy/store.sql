-- The store's user, its database and its schema: run once, by an administrator of the cluster.
CREATE ROLE coffer LOGIN PASSWORD 'change-me';
CREATE DATABASE coffer;
REVOKE ALL ON DATABASE coffer FROM PUBLIC;
GRANT CONNECT ON DATABASE coffer TO coffer;
\connect coffer
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA coffer AUTHORIZATION coffer;
