//! Certificates over ACME: planner, issuer, HTTP-01 and their state.
