# For node1. On the other nodes only the name in api_addr differs.
listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/coffer/tls/cert.pem"
  tls_key_file  = "/etc/coffer/tls/key.pem"
}

storage "yugabytedb" {
  connection_url = "postgres://coffer:change-me@yb1.example.com:5433,yb2.example.com:5433,yb3.example.com:5433/coffer?sslmode=verify-full&sslrootcert=/etc/coffer/tls/yugabytedb-ca.pem&load_balance=true"
  max_parallel   = 10
}

api_addr         = "https://node1.example.com:8200"
cluster_name     = "secrets-eu"
plugin_directory = "/usr/local/lib/coffer/plugins"
# For this long after SIGTERM, sys/health returns 503 while requests are still served, so that load balancers notice in time.
shutdown_delay   = "5s"
