"""What OBS has no noun for, by the protocol's own extension: the native methods as vendor requests.

`CallVendorRequest {vendorName: "onetake", requestType: <method>, requestData: <parameters>}`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onetake.control.methods import METHODS
from onetake.control.obs.context import ORIGIN, Context
from onetake.control.obs.fields import Fields, RequestError, Status
from onetake.control.obs.handler import Handler

__all__ = ["NOT_HERE", "VENDOR", "VENDOR_REQUESTS"]

VENDOR = "onetake"

NOT_HERE = ("start", "stop", "preview")
"""Methods that have a request of their own and would block this one."""


def _call(context: Context, fields: Fields) -> dict[str, Any]:
    vendor, name = fields.text("vendorName"), fields.text("requestType")
    method = METHODS.get(name)
    if vendor != VENDOR or method is None or name in NOT_HERE:
        raise RequestError(Status.NOT_FOUND, "No such vendor request.")
    given = fields.object("requestData").plain() if fields.has("requestData") else {}
    try:
        parameters = msgspec.convert(given, method.takes)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RequestError(Status.INVALID_FIELD, str(error)) from error
    result = method.call(context.controller, ORIGIN, parameters)
    return {
        "vendorName": vendor,
        "requestType": name,
        "responseData": msgspec.to_builtins(result, str_keys=True),
    }


VENDOR_REQUESTS: dict[str, Handler] = {"CallVendorRequest": _call}
"""The protocol's extension point."""
