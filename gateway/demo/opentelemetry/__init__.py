"""Services in Node whose OpenTelemetry comes from the outside: packages and variables, no code."""
