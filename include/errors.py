"""One family of errors; each message is a sentence that says what to do."""


class LoyaltyError(Exception):
    """Something a person has to put right; trying again would not help."""


class ConfigurationError(LoyaltyError):
    """A setting, a connection or an environment variable is missing or unreadable."""


class InvalidInstantError(LoyaltyError):
    """An `as_of` or `LOYALTY_NOW` is unreadable or lies in the future."""


class SchemaError(LoyaltyError):
    """The database lacks the schema, or its tables differ from what the pipeline needs."""


class DatabaseUnreachableError(LoyaltyError):
    """The database does not answer; the day heals with the next run."""


class ReconcileError(LoyaltyError):
    """A run's books do not add up; names the cards and the amounts."""


class CohortFileError(LoyaltyError):
    """A cohort file is missing, may not be read or differs from its manifest."""


class MailServerError(LoyaltyError):
    """The mail server is unreachable or takes nothing from us; mails stay queued."""


class TemplateError(LoyaltyError):
    """A mail template is missing, broken or asks for a variable that does not exist."""


class UnwellError(LoyaltyError):
    """A look at the platform's health has found something; names what, see docs/at-3-am.md."""


class ServerError(LoyaltyError):
    """A program that the embedded set-up starts (PostgreSQL, inbox, Airflow) did not come up."""


class UnfinishedError(LoyaltyError):
    """A task's time is over before its work is; the next try goes on with what is left."""
