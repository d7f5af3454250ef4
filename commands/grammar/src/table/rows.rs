//! The macro that makes a verb's commands of its rows.

/// Makes the type of a verb's commands, and the [`Form`](crate::Form) of each. A row begins as the variant that it becomes;
/// each field names its argument:
///
/// ```text
/// /// `/build log orders #12`
/// Log { name: PipelineName = NAME, build: Option<BuildNumber> = MAYBE_BUILD } => {
///     word: Some("log"),
///     …the other fields of `Form`
/// }
/// ```
///
/// A command is made of the values that the parser read ([`Values`](crate::values::Values)), and gives them back to be printed.
macro_rules! rows {
    (
        $(#[$doc:meta])*
        $name:ident, $verb:expr;
        $(
            $(#[$row_doc:meta])*
            $variant:ident {
                $($(#[$field_doc:meta])* $field:ident: $type:ty = $argument:expr),* $(,)?
            } => {
                $($key:ident: $value:expr),* $(,)?
            }
        )*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the fields are the arguments of the row, with their meaning there")]
        pub enum $name {
            $($(#[$row_doc])* $variant { $($(#[$field_doc])* $field: $type),* }),*
        }

        mod forms {
            use super::*;

            $(
                #[allow(non_upper_case_globals, reason = "a form has the name of its variant")]
                pub(super) static $variant: crate::form::Form = crate::form::Form {
                    verb: $verb,
                    arguments: &[$($argument),*],
                    $($key: $value),*
                };
            )*
        }

        impl $name {
            /// The verb's forms, in the order in which help lists them.
            pub(crate) const FORMS: &[&crate::form::Form] = &[$(&forms::$variant),*];

            /// The row of this command.
            pub(crate) fn form(&self) -> &'static crate::form::Form {
                match self {
                    $(Self::$variant { .. } => &forms::$variant),*
                }
            }

            /// The command of a form with these arguments. `None` if a required one is missing.
            pub(crate) fn from_values(
                form: &'static crate::form::Form,
                values: &crate::values::Values,
            ) -> Option<Self> {
                $(
                    if std::ptr::eq(form, &forms::$variant) {
                        return Some(Self::$variant {
                            $($field: crate::values::Field::from_argument(
                                values.get($argument.kind).cloned(),
                            )?),*
                        });
                    }
                )*
                None
            }

            /// Its arguments.
            pub(crate) fn values(&self) -> crate::values::Values {
                let mut values = crate::values::Values::default();
                match self {
                    $(Self::$variant { $($field),* } => {
                        $(values.set($argument.kind, crate::values::Field::to_argument($field));)*
                    })*
                }
                values
            }
        }
    };
}

pub(super) use rows;
