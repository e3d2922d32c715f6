"""Log lines: one event one line, unsafe characters escaped (T31), long codes masked and no values in tracebacks (T30)."""

from __future__ import annotations

import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from license_hub.api import logs


def line(message: str, **extra) -> str:
    record = logging.LogRecord("hub.test", logging.INFO, __file__, 1, message, (), None)
    vars(record).update(extra)
    return logs.JsonLines().format(record)


@given(st.text(), st.text())
def test_t31_event_any_text_is_one_json_line_without_control_or_bidi(message, extra):
    text = line(message, route=extra)
    assert len(text.splitlines()) == 1
    assert not logs.UNSAFE.search(text)
    assert {"at", "level", "logger", "event", "route"} <= json.loads(text).keys()


def test_t31_event_forged_second_line_stays_in_the_first():
    text = line('ok\n{"level":"critical","event":"forged"}\u202e\u2028')
    assert json.loads(text)["event"] == 'ok\\u000a{"level":"critical","event":"forged"}\\u202e\\u2028'


def test_t30_numbers_of_people_and_certificates_are_masked():
    text = line("holder 990101199001010014 of 91990101MA00000017", cert="1.2.156.3005.2.11100000000013338W011.119901010000000017.ABC.001.X")
    assert "19900101" not in text and "MA000000" not in text and "13338W011" not in text


def test_t30_own_ids_stay_readable():
    text = line("request 0f8fad5bd9cb469fa165708677289501 batch population-20261121T080000-1a2b3c4d")
    assert "0f8fad5bd9cb469fa165708677289501" in text and "population-20261121T080000-1a2b3c4d" in text


def test_t30_fault_is_logged_by_type_and_place_never_by_message_or_value():
    try:
        secret = "王某某canary"
        raise ValueError(f"bad value {secret}")
    except ValueError as fault:
        record = logging.LogRecord("hub.test", logging.ERROR, __file__, 1, "fault", (), (type(fault), fault, fault.__traceback__))
    read = json.loads(logs.JsonLines().format(record))
    assert read["fault"] == "ValueError"
    assert read["where"][-1].startswith("test_logs.py:")
    assert "canary" not in json.dumps(read, ensure_ascii=False)
