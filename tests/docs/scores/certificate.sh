openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -subj /CN=scores -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout key.pem -out chain.pem
