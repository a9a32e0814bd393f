"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const names = Object.keys(data.films);
  if (!names.length) return;
  const first = at("first"), second = at("second"), other = at("other"), away = at("away");
  const pick = at("film"), beside = at("beside"), views = at("views");
  const films = data.films;
  let one = films[pick.value], two = null;

  // The tick on screen: frames are exact, players' times are rounded.
  const tickOf = (film, seconds) =>
    Math.max(0, Math.min(film.ticks - 1, Math.floor(seconds * film.rate + 0.02)));
  const spanOf = (film, tick) => film.spans.find((s) => tick < s.first + s.ticks);
  const timeOf = (span, tick) =>
    span.times ? span.times[tick - span.first] : span.start + span.step * (tick - span.first);

  // The first showing of a mission time in a film, as a tick; -1 where it is not shown.
  const showing = (film, t) => {
    for (const span of film.spans) {
      const last = span.first + span.ticks - 1;
      if (t < timeOf(span, span.first) - 1e-6) continue;
      if (t >= timeOf(span, last) + Math.max(span.step || 0, 1 / film.rate)) continue;
      if (!span.times) {
        const k = span.step ? Math.floor((t - span.start) / span.step + 1e-6) : 0;
        return span.first + Math.min(span.ticks - 1, k);
      }
      let k = 0;
      while (k + 1 < span.times.length && span.times[k + 1] <= t + 1e-6) k += 1;
      return span.first + k;
    }
    return -1;
  };

  const two2 = (n) => String(n).padStart(2, "0");
  const utc = (t) => {
    const d = new Date(Math.floor((data.utc0 + t) * 10 + 1e-4) * 100);
    return `${two2(d.getUTCHours())}:${two2(d.getUTCMinutes())}:${two2(d.getUTCSeconds())}.` +
      `${Math.floor(d.getUTCMilliseconds() / 100)} UTC`;
  };
  const since = (t) => {
    const tenths = Math.floor((t - data.zero) * 10 + 1e-4), size = Math.abs(tenths);
    const head = size >= 36000 ? `${Math.floor(size / 36000)}:` : "";
    return `T${tenths < 0 ? "\u2212" : "+"}${head}${two2(Math.floor(size / 600) % 60)}:` +
      `${two2(Math.floor(size / 10) % 60)}.${size % 10}`;
  };
  const span2 = (s) => (Math.abs(s) < 1 ? `${Math.round(Math.abs(s) * 1000)} ms` : `${Math.abs(s).toFixed(1)} s`);
  const percent = (share) => (share < 5e-5 ? "under 0.01 %" : `${(share * 100).toFixed(2)} %`);

  // What each camera's picture admits: how old it is, and what in it was not seen.
  const admits = (film, tick, t) => {
    const lines = [];
    for (const [camera, rows] of Object.entries(film.shown)) {
      let low = 0, high = rows.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (rows[middle][0] <= tick) low = middle; else high = middle - 1;
      }
      const row = rows[low];
      if (!row || row[0] > tick || row[1] === null) continue;
      const source = data.cameras[camera], words = [];
      if (row[2] === null) words.push("no frame");
      else {
        words.push(`frame ${(row[2] + 1).toLocaleString("en")}`);
        const off = source.times[row[2]] === null ? 0 : source.times[row[2]] - t;
        if (row[1] === "held") words.push(`held ${span2(off)}`);
        else if (row[1] === "interpolated") words.push("computed from two frames");
        else if (Math.abs(off) >= 0.0005) words.push(`exposed ${span2(off)} ${off < 0 ? "before" : "after"}`);
        else words.push("exposed at this moment");
        for (const [reason, share] of row[3]) words.push(`${reason} ${percent(share)}`);
        if (source.byHand) words.push("time laid by hand");
      }
      lines.push([source.title, words.join(" \u00b7 ")]);
    }
    return lines;
  };

  let told = -1;
  const tell = () => {
    const tick = tickOf(one, first.currentTime);
    if (tick === told) return;
    told = tick;
    const span = spanOf(one, tick);
    if (!span) return;
    const t = timeOf(span, tick);
    at("clock").textContent = data.utc0 !== null ? utc(t) : data.zero !== null ? since(t) : `${t.toFixed(1)} s`;
    at("t").textContent = data.utc0 !== null && data.zero !== null ? since(t) : "";
    at("note").textContent = [span.title, span.note].filter(Boolean).join(" \u00b7 ");
    at("frame").textContent = `frame ${tick.toLocaleString("en")}`;
    const list = at("states");
    list.replaceChildren(...admits(one, tick, t).map(([title, words]) => {
      const item = document.createElement("li"), name = document.createElement("b");
      name.textContent = title;
      item.append(name, ` \u00b7 ${words}`);
      return item;
    }));
    if (two) follow(span, t);
  };

  // The second film goes with the mission clock of the first, not with its film time.
  const follow = (span, t) => {
    const tick = showing(two, t);
    away.hidden = tick >= 0;
    if (tick < 0) { second.pause(); return; }
    const goal = (tick + 0.5) / two.rate;
    const theirs = spanOf(two, tick);
    const pace = theirs.step && span.step ? (span.step * one.rate) / (theirs.step * two.rate) : 0;
    const drift = second.currentTime - goal;
    const runs = !first.paused && pace > 0.06 && pace < 16;
    if (Math.abs(drift) > (runs ? 0.1 : 0.4 / two.rate)) second.currentTime = goal;
    if (runs) {
      second.playbackRate = Math.min(16, first.playbackRate * pace * (1 - Math.max(-0.1, Math.min(0.1, drift))));
      if (second.paused) second.play().catch(() => {});
    } else if (!second.paused) second.pause();
  };

  const jump = (t) => {
    const tick = showing(one, t);
    if (tick >= 0) { first.currentTime = (tick + 0.5) / one.rate; told = -1; }
  };
  const step = (by) => {
    first.pause();
    const tick = Math.max(0, Math.min(one.ticks - 1, tickOf(one, first.currentTime) + by));
    first.currentTime = (tick + 0.5) / one.rate;
  };

  const events = () => {
    at("events").replaceChildren(...data.events.filter(([t]) => showing(one, t) >= 0).map(([t, title]) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => jump(t));
      item.append(button);
      return item;
    }));
  };
  const load = () => {
    const before = told >= 0 ? timeOf(spanOf(one, told), told) : null;
    one = films[pick.value];
    first.src = one.file;
    first.setAttribute("aria-label", one.title);
    if (one.poster) first.poster = one.poster; else first.removeAttribute("poster");
    told = -1;
    events();
    if (before !== null) first.addEventListener("loadedmetadata", () => jump(before), { once: true });
  };
  const pair = () => {
    two = beside.value ? films[beside.value] : null;
    other.hidden = !two;
    views.classList.toggle("two", Boolean(two));
    if (two) { second.src = two.file; second.setAttribute("aria-label", two.title); }
    else { second.pause(); second.removeAttribute("src"); }
    told = -1;
  };

  pick.addEventListener("change", load);
  beside.addEventListener("change", pair);
  at("back").addEventListener("click", () => step(-1));
  at("on").addEventListener("click", () => step(1));
  for (const event of ["play", "pause", "seeked", "loadeddata", "timeupdate"]) first.addEventListener(event, () => { told = -1; tell(); });
  if (first.requestVideoFrameCallback) {
    const each = () => { tell(); first.requestVideoFrameCallback(each); };
    first.requestVideoFrameCallback(each);
  } else {
    const each = () => { if (!first.paused) tell(); requestAnimationFrame(each); };
    requestAnimationFrame(each);
  }
  at("player").hidden = false;
  beside.parentElement.hidden = names.length < 2;
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.get("film") in films) pick.value = asked.get("film");
  if (asked.get("beside") in films) beside.value = asked.get("beside");
  load();
  pair();
  if (asked.get("t")) first.addEventListener("loadedmetadata", () => { first.currentTime = Number(asked.get("t")); }, { once: true });
})();
