"""Reads a calendar with the icalendar package and prints each event as one line: UID, start, end, summary, alarms."""

import pathlib
import sys

from icalendar import Calendar

calendar = Calendar.from_ical(pathlib.Path(sys.argv[1]).read_bytes())
for event in calendar.walk("VEVENT"):
    end = event.get("DTEND")
    alarms = [alarm["TRIGGER"].dt.total_seconds() for alarm in event.walk("VALARM")]
    print(event["UID"], event["DTSTART"].dt.isoformat(), end and end.dt.isoformat(), event["SUMMARY"], alarms, sep=" | ")
