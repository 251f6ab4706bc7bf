//! Public keys, and tokens made once with their private halves, which were then thrown away.
//!
//! Each token says agent `7` and expires in 2096.

pub(super) const RSA_2048: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3TCL6KOnSW5WHizGn9jQ
H2qTaK6K3a0q+BEvLORKSzNFCzOZ+qaJ2dCWmem87sp8CrUhe3qIg1l+f92/iywR
+GTgXkW74VuVcJWcXCMnho61U4sBfpxa6bzuzyfvd3pM35hC2uk15+754O4KGopZ
4fIwxixtPzwlLKknDrcOgQUVEDFG9UQre+wyBJ+sr+Bd9pORl4+BQStuzm3ca8Yb
2zoLSmZW7bMjVNb4EtUsbqO9ZcYsy6LZ5/AHoLCbm7616k/47D3+qFx+OgVv50iU
RWK2pVKFMI49v5JWUu9zGTYYNn3BDxfuHjqUtIMN61puXARK5hjbriTf5u9e49Ug
+QIDAQAB
-----END PUBLIC KEY-----
";

pub(super) const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC4yuWBKIdoB+x63n0l2g/FsrF4
u4tDwArkjpVsghMBToSrP0WF6+XfPZy32EjaNTnD4+sPVffuSxoVuak2D9JSd1cp
7bEBf7d0XSSN0pAZ4dEmeViqOJo2hiL3v95o6PXiA+KTNDGN7GMAu0bsMuFzZ291
Q1hSt5tc4Q4+ZV2/NQIDAQAB
-----END PUBLIC KEY-----
";

pub(super) const P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5FzqM9wR2s3DOJWncrWUJ7hI7/OD
77yyc3I1gkkCh4sB2xWHAKTU8BhIpXof+6HZV2U3x5QxiMx/lmJB0wIpZA==
-----END PUBLIC KEY-----
";

pub(super) const P384: &str = "\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAETamYCZ9sayWY1uRSxcC6sEC9xV1iFudQ
AB/oOfIhV+lHsuajwYX0pXV+OrIXYzfHVKcZx9SPnQIua/EX6BLL+VlTmEF/Ce1f
gx+4+uAsNBBSUxY78xCHIB6qU9UB1+jv
-----END PUBLIC KEY-----
";

pub(super) const SECP256K1: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE3WEbQrIqmUBWVSrH8+TE5NhTvgi7TpLR
5VEgNQnI4xhNTZIDnfHvXfDyej7OzJpZYqGCyFTqcsKP0iuTqyOS2A==
-----END PUBLIC KEY-----
";

pub(super) const ED25519: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAm08lNKtN4+03tk9FHhCVgHd/eUvtmFvkuEY1AgnDUkE=
-----END PUBLIC KEY-----
";

pub(super) const RS256_TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwM\
    DAwMDAwMH0.LopOWy_WDIBAY5krSEcGq6W0TQAEtjKg6Z6y8TB5mj7Snmt-6Gqf5wLg1ED76aw1n-PTu_icqu08wmA\
    HIz8sri5SwTmeqR2m5G6R1C_s2DSsSGFbgdN-WFH5YX2Oorzl94Bp9U-lbDWD8SpmS4NT04bREOXqXW2zxD-b12BpU\
    GT4m3MdTOfRfQO0Wd1FFXbugY9QBR9Tt26sst3w1iqxkoSn1D2X05c2qH6qwFvl1JiKJjQyDH0iLRNduezOvG4PvVM\
    fiJamg3pi1o9jMq6g60ElAmNE5yEqWEfRxhhs_mNOYs6_cJ10Iy-54dADBI6WAMtoLTb-JSr7VuLfKbCLNA";

pub(super) const PS384_TOKEN: &str = "\
    eyJhbGciOiJQUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwM\
    DAwMDAwMH0.1ujcDPriaUeRQ-qNx2qX0U7to5lFnYAxnTcUxC9QmHF46yyGGTWEdDgcWLTIsFoXgQldkCPzgMfBdaD\
    30CvLSjs9zqKT3nQJpHtNsCTxmyrsnIKpDiVkCf6UUD3s91RCZ6cKBkijiC0ZCsSTLNarsWSg9cgxgMdtLUplFPzNv\
    El2DuW8sHDSqsWXsm3t4cAdM07BZmzjHWOr1JEBaHgt1E2v1X7Lar9_OqydV0suqwrom1wuVdjP4wN9KnZkZh1VLgm\
    i4_t2B-phd9aPlZ4qfm-f6j_hkBkHbMXkHXbwslABS0__4jv82VgTGbJll25QpYoVjPvW6tOTj0WHp3P08g";

pub(super) const ES256_TOKEN: &str = "\
    eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwM\
    DAwMDAwMH0.upAvgL180VN94NN-aes2HmrIVnYBBS8jPPPplQe7lQuoVOV39CB64NpHdWumvZvsTFtrGhjZAqenisu\
    AGEhZtw";

pub(super) const ES384_TOKEN: &str = "\
    eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwM\
    DAwMDAwMH0.bjuHY3rUJrCsFTOiu8uqCYkDDU7x4gZxZnkVUP6bBuwF_aQmbQkaoRKzoNhH1wYmU09SFhSdkqpbBMK\
    IiGuUbFvRMFpveGRhM6F_7jaB95TQ6ad8f03xG6js5StLg_st";

pub(super) const EDDSA_TOKEN: &str = "\
    eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwM\
    DAwMDAwMH0.578JaFR6X6MrGnnyAP44vDJOy_tVzVSnKNXTJEjTHha4CZk8T5X7aPiCYWZ3nu26mlCzK1X-8MA5z2L\
    rK1OHAw";

/// The same keys as JSON, without `kid`, `use` and `alg`.
pub(super) const RSA_2048_JWK: &str = r#"{"kty":"RSA","e":"AQAB","n":"3TCL6KOnSW5WHizGn9jQH2qTaK6K3a0q-BEvLORKSzNFCzOZ-qaJ2dCWmem87sp8CrUhe3qIg1l-f92_iywR-GTgXkW74VuVcJWcXCMnho61U4sBfpxa6bzuzyfvd3pM35hC2uk15-754O4KGopZ4fIwxixtPzwlLKknDrcOgQUVEDFG9UQre-wyBJ-sr-Bd9pORl4-BQStuzm3ca8Yb2zoLSmZW7bMjVNb4EtUsbqO9ZcYsy6LZ5_AHoLCbm7616k_47D3-qFx-OgVv50iURWK2pVKFMI49v5JWUu9zGTYYNn3BDxfuHjqUtIMN61puXARK5hjbriTf5u9e49Ug-Q"}"#;

pub(super) const RSA_1024_JWK: &str = r#"{"kty":"RSA","e":"AQAB","n":"uMrlgSiHaAfset59JdoPxbKxeLuLQ8AK5I6VbIITAU6Eqz9Fhevl3z2ct9hI2jU5w-PrD1X37ksaFbmpNg_SUndXKe2xAX-3dF0kjdKQGeHRJnlYqjiaNoYi97_eaOj14gPikzQxjexjALtG7DLhc2dvdUNYUrebXOEOPmVdvzU"}"#;

pub(super) const P256_JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"5FzqM9wR2s3DOJWncrWUJ7hI7_OD77yyc3I1gkkCh4s","y":"AdsVhwCk1PAYSKV6H_uh2VdlN8eUMYjMf5ZiQdMCKWQ"}"#;

pub(super) const P384_JWK: &str = r#"{"kty":"EC","crv":"P-384","x":"TamYCZ9sayWY1uRSxcC6sEC9xV1iFudQAB_oOfIhV-lHsuajwYX0pXV-OrIXYzfH","y":"VKcZx9SPnQIua_EX6BLL-VlTmEF_Ce1fgx-4-uAsNBBSUxY78xCHIB6qU9UB1-jv"}"#;

pub(super) const SECP256K1_JWK: &str = r#"{"kty":"EC","crv":"secp256k1","x":"3WEbQrIqmUBWVSrH8-TE5NhTvgi7TpLR5VEgNQnI4xg","y":"TU2SA53x713w8no-zsyaWWKhgshU6nLCj9Irk6sjktg"}"#;

pub(super) const ED25519_JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"m08lNKtN4-03tk9FHhCVgHd_eUvtmFvkuEY1AgnDUkE"}"#;
