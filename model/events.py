"""Events on a store whose every command is about one key: the list of what a sweep looks at, the session, the stream. Nodes die between any two.

Run: python3 events.py       needs explore.py beside it.
FULL      list, then the operation (which notes under the session's key what is to be told), then the stream, then what was told is struck out of
          the note; an end is then unlisted
unnoted   only ends are noted
after     the session is listed after it has begun
struck    the note is struck out before the stream is written
whole     all of the note is struck out, whatever was told of it
prefix    what was told is struck out only where the note still begins with it"""
from explore import DIE, Model, report

def mk(V, deaths):
    # world: listed (a sweep will look), session (None, "live", "tomb"), note: what is to be told, stream, happened, deaths that are left
    def op(f):
        def apply(w, pid, *args):
            outs = f(w, pid, *args)
            if w["deaths"] and pid != "sweep":
                outs = outs + [(label + ", and dies", DIE, dict(nw, deaths=w["deaths"] - 1)) for label, _, nw in outs]
            return outs
        return apply
    def enlist(w, pid, only):
        return [("lists it", None, dict(w, listed=True))] if w["listed"] or not only else [("is not listed", None, w)]
    def act(w, pid, event):
        if (w["session"] is None) != (event == "created") or w["session"] == "tomb": return [(event + ": refused", None, w)]
        note = w["note"] + ((event,) if V != "unnoted" or event == "ended" else ())
        nw = dict(w, session="tomb" if event == "ended" else "live", note=note, happened=w["happened"] | {event})
        return [(event, note or (event,), nw)]
    def tell(w, pid, told):
        return [("tells %s" % (told,), None, dict(w, stream=w["stream"] | set(told)))]
    def strike(w, pid, told):
        note = w["note"]
        if V == "whole": note = ()
        elif V == "prefix": note = note[len(told):] if note[:len(told)] == told else note
        else: note = tuple(event for event in note if event not in told)
        return [("strikes out %s" % (told,), None, dict(w, note=note))]
    def unlist(w, pid):
        return [("unlists it", None, dict(w, listed=False))]
    def look(w, pid):
        # It is due at the latest when all others are done or dead.
        return [("looks", (w["session"], w["note"]), w)] if w["listed"] else []
    def node(event):
        def p():
            late = V == "after" and event == "created"
            if not late: yield ("enlist", event != "created")
            told = yield ("act", event)
            if not told: return
            if late: yield ("enlist", False)
            steps = [("tell", told), ("strike", told)]
            for step in steps[::-1] if V == "struck" else steps: yield step
            if event == "ended": yield ("unlist",)
        return p
    def sweep():
        for _ in range(2):
            session, note = yield ("look",)
            if note:
                yield ("tell", note)
                yield ("strike", note)
            if session == "tomb": yield ("unlist",)
    def end(w, hists):
        # A sweep that comes after all of this.
        told = w["stream"] | set(w["note"] if w["listed"] else ())
        for event in sorted(w["happened"]):
            if event not in told: return "%s is told by nobody" % event
        if w["session"] == "tomb" and w["note"] and not w["listed"]: return "a tombstone keeps %s, and nobody looks at it" % (w["note"],)
    procs = {"a": node("created"), "b": node("rotated"), "c": node("ended"), "sweep": sweep}
    ops = {name: op(f) for name, f in dict(enlist=enlist, act=act, tell=tell, strike=strike, unlist=unlist, look=look).items()}
    w = dict(listed=False, session=None, note=(), stream=frozenset(), happened=frozenset(), deaths=deaths)
    return Model(w, procs, ops, check_end=end)

if __name__ == "__main__":
    for V in ("unnoted", "after", "struck", "whole", "prefix", "FULL"):
        report("events, two nodes may die", V, mk(V, 2))
