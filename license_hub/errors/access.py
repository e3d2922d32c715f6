"""Why a caller may not: tokens, grants, consent, budgets, codes, sign-in."""

from __future__ import annotations

from license_hub.errors.base import HubError


class AccessError(HubError):
    code = "ACCESS"


class TokenRefused(AccessError):
    """The token endpoint refuses. `error` is the OAuth error code; the message says what to change."""

    code = "TOKEN_REFUSED"

    def __init__(self, error: str, message: str):
        self.error = error
        super().__init__(message)


class NotAuthenticated(AccessError):
    code = "NOT_AUTHENTICATED"


class NotAuthorized(AccessError):
    code = "NOT_AUTHORIZED"


class NotAllowed(NotAuthorized):
    """`why`: a value of `service.authorize.Denied`, for the caller's own administrators."""

    code = "NOT_ALLOWED"

    def __init__(self, why: str):
        self.why = why
        super().__init__(f"not allowed: {why}")


class ConsentRefused(AccessError):
    """`pointer`: where in the call; `rule`: which rule it breaks."""

    code = "CONSENT_REFUSED"

    def __init__(self, pointer: str, rule: str, text: str):
        self.pointer, self.rule = pointer, rule
        super().__init__(f"{pointer}: {text}")


class OverBudget(AccessError):
    """`seconds`: until the window ends."""

    code = "OVER_BUDGET"

    def __init__(self, seconds: int):
        self.seconds = seconds
        super().__init__(f"budget used up: try again in {seconds} seconds")


class PurposeMissing(AccessError):
    code = "PURPOSE_MISSING"


class CodeRefused(AccessError):
    """A code that a holder shows is not taken. `problem` is the code of the catalogue's message."""

    code = "CODE_REFUSED"

    def __init__(self, problem: str, message: str):
        self.problem = problem
        super().__init__(message)


class NoDesk(NotAuthorized):
    """The body's staff cannot work on cases: nobody set it up, or it was shut out."""

    code = "NO_DESK"


class AccountRefused(AccessError):
    code = "ACCOUNT_REFUSED"


class SignInRefused(AccessError):
    code = "SIGN_IN_REFUSED"


class SignInThrottled(SignInRefused):
    """`seconds`: after which another attempt is looked at."""

    code = "SIGN_IN_THROTTLED"

    def __init__(self, seconds: int):
        self.seconds = seconds
        super().__init__(f"too many failed sign-ins; try again in {seconds} seconds")


class ProviderRefused(SignInRefused):
    code = "PROVIDER_REFUSED"
