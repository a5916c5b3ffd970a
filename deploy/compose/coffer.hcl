# NODE is replaced by the container's name.
listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/coffer/tls/NODE.pem"
  tls_key_file  = "/etc/coffer/tls/NODE.key"
}

storage "yugabytedb" {
  connection_url = "postgres://coffer:change-me@yb1:5433,yb2:5433,yb3:5433/coffer?sslmode=disable&load_balance=true"
}

seal "static" {
  current_key_id = "compose"
  current_key    = "file:///etc/coffer/unseal.key"
}

api_addr       = "https://NODE:8200"
cluster_name   = "compose"
# So that HAProxy notices before the node stops.
shutdown_delay = "5s"
