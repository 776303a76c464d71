//! A record as bytes.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Release;
use crate::error::Error;

/// The most bytes of JSON that are read: far over what fits a Secret even when compressed well.
const MOST: u64 = 64 << 20;

fn wrong(message: impl Into<String>) -> Error {
    Error::Record { message: message.into() }
}

/// The value of the Secret's key `release`, before the API's own base64.
pub fn encode(release: &Release) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(release).map_err(|error| wrong(format!("cannot be written: {error}")))?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let packed = gzip.write_all(&json).and_then(|()| gzip.finish());
    let packed = packed.map_err(|error| wrong(format!("cannot be compressed: {error}")))?;
    Ok(STANDARD.encode(packed).into_bytes())
}

/// Reads what [`encode`] or Helm wrote; JSON that is not compressed is accepted, unknown fields are ignored.
pub fn decode(data: &[u8]) -> Result<Release, Error> {
    if data.len() as u64 > MOST {
        return Err(wrong(format!("over {MOST} bytes")));
    }
    let unpacked = STANDARD.decode(data.trim_ascii()).map_err(|_| wrong("is no base64"))?;
    let mut json = Vec::new();
    if unpacked.starts_with(&[0x1f, 0x8b, 0x08]) {
        let gzip = flate2::read::GzDecoder::new(unpacked.as_slice());
        gzip.take(MOST + 1).read_to_end(&mut json).map_err(|_| wrong("cannot be decompressed"))?;
        if json.len() as u64 > MOST {
            return Err(wrong(format!("unpacks to over {MOST} bytes")));
        }
    } else {
        json = unpacked;
    }
    // The message of the JSON reader may quote values, which may be secret; the place is enough.
    serde_json::from_slice(&json)
        .map_err(|error| wrong(format!("is no release at line {}, column {}", error.line(), error.column())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{Hook, Info, Status};

    fn release() -> Release {
        Release {
            name: "podinfo".to_owned(),
            info: Info {
                status: Status::PendingUpgrade,
                last_deployed: "2026-11-23T14:35:00Z".to_owned(),
                ..Info::default()
            },
            chart: json!({ "metadata": { "name": "podinfo", "version": "1.0.0" } }),
            version: 3,
            hooks: vec![Hook { name: "test".to_owned(), events: vec!["test".to_owned()], ..Hook::default() }],
            ..Release::default()
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        assert_eq!(decode(&encode(&release()).unwrap()).unwrap(), release());
    }

    #[test]
    fn writes_the_keys_that_helm_writes() {
        let json = serde_json::to_value(release()).unwrap();
        let expected = json!({
            "name": "podinfo",
            "info": { "first_deployed": "", "last_deployed": "2026-11-23T14:35:00Z", "deleted": "", "status": "pending-upgrade" },
            "chart": { "metadata": { "name": "podinfo", "version": "1.0.0" } },
            "hooks": [{
                "name": "test", "kind": "", "path": "", "manifest": "", "events": ["test"],
                "last_run": { "started_at": "", "completed_at": "", "phase": "" },
            }],
            "version": 3,
            "namespace": "",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn reads_plain_json_and_what_later_versions_add() {
        let json = br#"{"name":"a","info":{"status":"odd","new":1},"apply_method":"ssa","hooks":null,"config":null,"version":2}"#;
        let read = decode(STANDARD.encode(json).as_bytes()).unwrap();
        assert_eq!((read.name.as_str(), read.version, read.info.status), ("a", 2, Status::Unknown));
    }

    #[test]
    fn refuses_what_is_no_record() {
        for data in
            [b"%%".to_vec(), STANDARD.encode(b"{").into_bytes(), STANDARD.encode([0x1f, 0x8b, 8, 1]).into_bytes()]
        {
            assert!(decode(&data).is_err());
        }
    }
}
