//! The rates of control planes, as token buckets.

use super::refusal::Refusal;
use super::rules::Rule;
use crate::calls::CallName;
use crate::token_bucket::{Buckets, Rate};

/// Lambda's control plane without GetFunction, GetPolicy and invocations: 15 requests per second, not adjustable.
const LAMBDA: Rate = Rate { burst: 15, per_second: 15.0 };
/// Lambda's `GetFunction`.
const GET_FUNCTION: Rate = Rate { burst: 100, per_second: 100.0 };
/// API Gateway's management API: 10 requests per second with a burst of 40.
const API_GATEWAY: Rate = Rate { burst: 40, per_second: 10.0 };
/// `CreateDeployment`: 1 request every 5 seconds.
const CREATE_DEPLOYMENT: Rate = Rate { burst: 1, per_second: 0.2 };
/// `CreateRestApi` and `ImportRestApi`, regional and private: 1 request every 3 seconds.
const CREATE_REST_API: Rate = Rate { burst: 1, per_second: 1.0 / 3.0 };
/// `PutRestApi`: 1 request per second.
const PUT_REST_API: Rate = Rate { burst: 1, per_second: 1.0 };
/// `DeleteRestApi`: 1 request every 30 seconds.
const DELETE_REST_API: Rate = Rate { burst: 1, per_second: 1.0 / 30.0 };
/// IAM publishes no figure; this is below what its users report.
const IAM: Rate = Rate { burst: 20, per_second: 10.0 };

#[derive(Debug, Default)]
pub struct Rates(Buckets);

impl Rates {
    /// Takes a call from its buckets, or refuses it. `now` is in microseconds.
    pub fn take(&mut self, call: &CallName, now: u64) -> Result<(), Refusal> {
        for (bucket, rate) in buckets(call) {
            if self.0.take(bucket, *rate, now).is_err() {
                return Err(refusal(&call.service));
            }
        }
        Ok(())
    }
}

fn buckets(call: &CallName) -> &'static [(&'static str, Rate)] {
    match (call.service.as_str(), call.method.as_str()) {
        ("lambda", "Invoke") => &[],
        ("lambda", "GetFunction") => &[("lambda:GetFunction", GET_FUNCTION)],
        ("lambda", "GetPolicy") => &[("lambda:GetPolicy", LAMBDA)],
        ("lambda", _) => &[("lambda", LAMBDA)],
        ("apigateway", "CreateDeployment") => {
            &[("apigateway", API_GATEWAY), ("apigateway:CreateDeployment", CREATE_DEPLOYMENT)]
        }
        ("apigateway", "CreateRestApi" | "ImportRestApi") => {
            &[("apigateway", API_GATEWAY), ("apigateway:CreateRestApi", CREATE_REST_API)]
        }
        ("apigateway", "PutRestApi") => {
            &[("apigateway", API_GATEWAY), ("apigateway:PutRestApi", PUT_REST_API)]
        }
        ("apigateway", "DeleteRestApi") => {
            &[("apigateway", API_GATEWAY), ("apigateway:DeleteRestApi", DELETE_REST_API)]
        }
        ("apigateway", _) => &[("apigateway", API_GATEWAY)],
        ("iam", _) => &[("iam", IAM)],
        _ => &[],
    }
}

fn refusal(service: &str) -> Refusal {
    let (status, code, message) = match service {
        "iam" => (400, "Throttling", "Rate exceeded"),
        "apigateway" => (429, "TooManyRequestsException", "Too Many Requests"),
        _ => (429, "TooManyRequestsException", "Rate exceeded"),
    };
    Refusal::new(Rule::Rates, status, code, message)
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    /// How many of 200 calls at once pass, and how many of another 200 ten seconds later.
    fn passed(service: &str, method: &str) -> (usize, usize) {
        let (mut rates, call) = (Rates::default(), call(service, method, ""));
        let mut pass = |now| (0..200).filter(|_| rates.take(&call, now).is_ok()).count();
        (pass(0), pass(10_000_000))
    }

    #[test]
    fn control_planes_have_awss_rates() {
        assert_eq!(passed("lambda", "UpdateAlias"), (15, 15));
        assert_eq!(passed("lambda", "GetPolicy"), (15, 15));
        assert_eq!(passed("lambda", "Invoke"), (200, 200));
        assert_eq!(passed("apigateway", "GetRoutes"), (40, 40));
        assert_eq!(passed("apigateway", "CreateDeployment"), (1, 1));
        assert_eq!(passed("apigateway", "PutRestApi"), (1, 1));
        assert_eq!(passed("apigateway", "CreateRestApi"), (1, 1));
        assert_eq!(passed("apigateway", "DeleteRestApi"), (1, 0), "one in 30 seconds");
        assert_eq!(passed("iam", "CreateRole"), (20, 20));
        assert_eq!(passed("dynamodb", "PutItem"), (200, 200));
    }

    #[test]
    fn a_refusal_has_its_services_code() {
        assert_eq!(refusal("iam").code, "Throttling");
        assert_eq!((refusal("lambda").status, refusal("lambda").code), (429, "TooManyRequestsException"));
    }
}
