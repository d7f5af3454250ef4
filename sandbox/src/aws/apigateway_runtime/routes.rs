//! Chooses the route of an HTTP API for a request.
//!
//! The most specific route wins: a full path before one with parameters, these before a greedy `{proxy+}`, a method before
//! `ANY`, and `$default` last.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use super::super::apigateway::Route;

#[derive(Debug, PartialEq, Eq)]
pub struct RouteMatch<'a> {
    pub found: &'a Route,
    /// The values of its path parameters.
    pub parameters: Parameters,
}

/// How specific a match is; the largest rank wins.
type Rank = (u8, usize, bool);

/// Finds the route for a method and a path (without the stage).
pub fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<RouteMatch<'a>> {
    let mut best: Option<(Rank, RouteMatch<'a>)> = None;
    for route in routes {
        let key = &route.key;
        let candidate = if key == "$default" {
            Some(((0, 0, false), Vec::new()))
        } else {
            key.split_once(' ').and_then(|(verb, pattern)| {
                let any = verb == "ANY";
                let (class, fixed, parameters) = matches(pattern, path)?;
                (any || verb == method).then_some(((class, fixed, !any), parameters))
            })
        };
        if let Some((rank, parameters)) = candidate
            && best.as_ref().is_none_or(|(held, _)| rank > *held)
        {
            best = Some((rank, RouteMatch { found: route, parameters }));
        }
    }
    best.map(|(_, found)| found)
}

/// The values of path parameters.
type Parameters = Vec<(String, String)>;

/// The class (3 for a full path, 2 with parameters, 1 greedy), the number of fixed segments, and the parameters.
fn matches(pattern: &str, path: &str) -> Option<(u8, usize, Parameters)> {
    let mut wanted = pattern.trim_matches('/').split('/').filter(|segment| !segment.is_empty());
    let mut given = path.trim_start_matches('/').split('/').filter(|segment| !segment.is_empty());
    let (mut class, mut fixed, mut parameters) = (3, 0, Vec::new());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some((class, fixed, parameters)),
            (Some(segment), Some(value)) => {
                let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                match name {
                    Some(name) if name.ends_with('+') => {
                        let rest: Vec<&str> = std::iter::once(value).chain(given).collect();
                        parameters.push((name.trim_end_matches('+').to_owned(), rest.join("/")));
                        return Some((1, fixed, parameters));
                    }
                    Some(name) => {
                        class = 2;
                        parameters.push((name.to_owned(), value.to_owned()));
                    }
                    None if segment == value => fixed += 1,
                    None => return None,
                }
            }
            _ => return None,
        }
    }
}

/// The end of the ARN by which a route invokes its function: `GET/items/{id}`, `*/items/{id}` or `$default`.
pub fn arn_suffix(key: &str, method: &str) -> String {
    match key.split_once(' ') {
        Some(("ANY", path)) => format!("*{path}"),
        Some((_, path)) => format!("{method}{path}"),
        None => "$default".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(key: &str) -> Route {
        Route { key: key.to_owned(), ..Route::default() }
    }

    fn key(method: &str, path: &str) -> Option<String> {
        let keys =
            ["$default", "ANY /{proxy+}", "GET /items/{id}", "GET /items/new", "ANY /items/new", "GET /"];
        let routes: Vec<_> = keys.into_iter().map(route).collect();
        find(&routes, method, path).map(|matched| matched.found.key.clone())
    }

    #[test]
    fn the_most_specific_route_wins() {
        assert_eq!(key("GET", "/items/new").unwrap(), "GET /items/new");
        assert_eq!(key("POST", "/items/new").unwrap(), "ANY /items/new");
        assert_eq!(key("GET", "/items/7").unwrap(), "GET /items/{id}");
        assert_eq!(key("GET", "/items/7/x").unwrap(), "ANY /{proxy+}");
        assert_eq!(key("GET", "/").unwrap(), "GET /");
        assert_eq!(key("POST", "/").unwrap(), "$default");
    }

    #[test]
    fn path_parameters_get_their_values() {
        let routes = vec![route("GET /a/{x}/{rest+}")];
        let found = find(&routes, "GET", "/a/1/b/c").unwrap();
        let expected = [("x".to_owned(), "1".to_owned()), ("rest".to_owned(), "b/c".to_owned())];
        assert_eq!(found.parameters, expected);
        assert_eq!(find(&routes, "GET", "/a/1"), None);
    }
}
