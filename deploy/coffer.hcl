# node1: the other nodes have their own name in api_addr, and all else alike.
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
# After SIGTERM sys/health is 503 for so long and requests are still served: load balancers need it to hear of the end.
shutdown_delay   = "5s"
