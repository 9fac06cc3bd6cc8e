"""Network settings for Twilio: the proxy and certificates, from the variables that Twilio's own client uses.

That client uses requests, so the variables are those of requests
(https://requests.readthedocs.io/en/latest/user/advanced/#proxies): HTTPS_PROXY, ALL_PROXY and NO_PROXY,
REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE; and SSL_CERT_FILE, which OpenSSL itself reads.
"""

import os
import ssl
from pathlib import Path
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from yarl import URL

from gateway.twilio.errors import NetworkUnusable, TwilioError, TwilioUnavailable, TwilioUntrusted

PROXY_AUTHENTICATION_REQUIRED = 407
CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def proxy_for(address: URL) -> URL | None:
    """The proxy that the environment names for ``address``, if any. Raises NetworkUnusable if it isn't HTTP."""
    proxies = getproxies_environment()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named or proxy_bypass(address.host or ""):
        return None
    try:
        proxy = URL(named if "://" in named else f"http://{named}")
        is_usable = proxy.scheme in ("http", "https") and bool(proxy.host)
        problem = f"it is one of {proxy.scheme}://"
    except ValueError:
        # The value isn't shown, because it may contain a password.
        proxy, is_usable, problem = address, False, "its value is not an address"
    if not is_usable:
        raise NetworkUnusable(
            f"Expected {address.scheme.upper()}_PROXY to name an HTTP proxy, as in http://proxy.example:3128, "
            f"but {problem}. Name an HTTP proxy, or add {address.host} to NO_PROXY."
        )
    return proxy


def tls_context() -> ssl.SSLContext:
    """The TLS context with the trusted certificates, for Twilio or a company's proxy. Raises NetworkUnusable."""
    for name in CA_BUNDLE_VARIABLES:
        if bundle := os.environ.get(name):
            place = Path(bundle)
            try:
                if place.is_dir():
                    return ssl.create_default_context(capath=bundle)
                return ssl.create_default_context(cafile=bundle)
            except (OSError, ssl.SSLError) as error:
                raise NetworkUnusable(
                    f"Expected {name} to name a file of certificates in PEM, but {bundle} can't be used "
                    f"({error.strerror or error}). Name another one, or unset {name}."
                ) from error
    return ssl.create_default_context()


def connection_error(error: Exception, where: str, host: str) -> TwilioError:
    """``error``, raised by aiohttp for the request ``where`` to ``host``, as a TwilioError."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return TwilioUntrusted(
            f"The certificate of {host} isn't trusted: {_reason(error)}. If your company's proxy signs it, name the "
            "file of the company's certificate in REQUESTS_CA_BUNDLE."
        )
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == PROXY_AUTHENTICATION_REQUIRED:
        return NetworkUnusable(
            "The proxy requires a name and a password, or rejected the given ones (407). Set them in HTTPS_PROXY, as "
            "in http://name:password@proxy.example:3128."
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return TwilioUnavailable(f"{where} did not get past the proxy, which answered {error.status}.")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return TwilioUnavailable(f"{where} got no answer: no TLS connection to {host} ({_reason(error)}).")
    if isinstance(error, aiohttp.ClientConnectorError):
        at = "" if error.host == host else f" by way of {error.host}"
        return TwilioUnavailable(f"{where} got no answer: {host} can't be reached{at} ({_reason(error)}).")
    reason = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
    return TwilioUnavailable(f"{where} got no answer from {host} ({reason}).", processed=True)


def _reason(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error
        return str(getattr(found, "verify_message", "") or found)
    cause = error.os_error
    if cause.errno and cause.errno > 0 and not isinstance(cause, ssl.SSLError):
        return os.strerror(cause.errno)
    return str(getattr(cause, "reason", "") or cause.strerror or type(cause).__name__)
