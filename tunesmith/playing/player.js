"use strict";

/**
 * tunesmithPlayer(place, music) fills an element with a player and returns it:
 *   play(), pause(), isPlaying(), seek(seconds), update(music), which keeps the position.
 * music is {title, notes: [[onset, duration, pitch, velocity], ...], svg, marks: [[onset, end, id], ...]}, in seconds.
 * With an engraved page (svg) the notes that sound are marked, otherwise a piano roll is drawn. One player plays at a
 * time. The sound is synthesised (Web Audio), so no file and no network is needed.
 */
const tunesmithPlayer = (() => {
  const RATE = 32000, SECONDS = 3, PARTIALS = 14;
  const LOOK_AHEAD = 0.3, TICK_MS = 60, LEAD = 0.06, RELEASE = 0.07;
  const PAGE = 24;  // seconds of a piano roll that are seen at once
  const SOFT_TO_LOUD = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 191, 37]];
  const BLACK_KEYS = new Set([1, 3, 6, 8, 10]);
  const sounds = new Map();
  let audio = null, playing = null;

  /** Returns the running audio, or null where the browser has no sound. */
  function openAudio() {
    if (audio) return audio;
    try {
      const context = new AudioContext();
      const limiter = new DynamicsCompressorNode(context, { threshold: -12, ratio: 6 });
      limiter.connect(context.destination);
      audio = { context, out: limiter };
    } catch {
      return null;
    }
    return audio;
  }

  /** Returns the sound of a struck string: partials that decay, the high ones sooner. */
  function soundOf(context, pitch) {
    if (sounds.has(pitch)) return sounds.get(pitch);
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const samples = new Float32Array(RATE * SECONDS);
    for (let n = 1; n <= PARTIALS; n += 1) {
      const partial = n * frequency * Math.sqrt(1 + 0.0004 * n * n);
      if (partial > 0.45 * RATE) break;
      const size = Math.abs(Math.sin(n * Math.PI / 7.3)) / n ** 1.3;
      const decay = Math.exp(-(1.1 + 0.35 * n) * (frequency / 260) ** 0.5 / RATE);
      const angle = 2 * Math.PI * partial / RATE;
      const [turnX, turnY] = [decay * Math.cos(angle), decay * Math.sin(angle)];
      let [x, y] = [size, 0];
      for (let i = 0; i < samples.length; i += 1) {
        samples[i] += y;
        [x, y] = [x * turnX - y * turnY, x * turnY + y * turnX];
      }
    }
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: RATE });
    buffer.copyToChannel(samples, 0);
    sounds.set(pitch, buffer);
    return buffer;
  }

  function strike({ context, out }, [, duration, pitch, velocity], at) {
    const loudness = velocity / 127;
    const source = new AudioBufferSourceNode(context, { buffer: soundOf(context, pitch) });
    const frequency = Math.min(12000, 440 * 2 ** ((pitch - 69) / 12) * (2 + 14 * loudness));
    const tone = new BiquadFilterNode(context, { type: "lowpass", frequency });
    const gain = new GainNode(context, { gain: 0.55 * loudness ** 1.6 });
    source.connect(tone).connect(gain).connect(out);
    gain.gain.setTargetAtTime(0, at + duration, RELEASE);
    source.start(at);
    source.stop(at + duration + 8 * RELEASE);
    return source;
  }

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function element(tag, className, properties = {}) {
    return Object.assign(document.createElement(tag), { className, ...properties });
  }

  /** Shows an engraved page as wide as its place, and returns a function that marks the notes of a time. */
  function showPage(place, music, seek) {
    const page = new DOMParser().parseFromString(music.svg, "image/svg+xml").documentElement;
    for (const part of page.querySelectorAll("style, .placeholder")) part.remove();  // player.css has these rules
    page.querySelector("rect").remove();
    const size = ["width", "height"].map((name) => {
      const pixels = parseFloat(page.getAttribute(name));
      page.querySelector("svg").setAttribute(name, pixels);
      page.removeAttribute(name);
      return pixels;
    });
    page.setAttribute("role", "img");
    page.setAttribute("aria-label", `The notes of ${music.title}`);
    place.replaceChildren(page);
    const { x, y, width, height } = page.getBBox();  // without the empty margins
    const box = width ? [x - 10, y - 10, width + 20, height + 20] : [0, 0, ...size];  // nothing is drawn while hidden
    page.setAttribute("viewBox", box.join(" "));
    const marks = music.marks.map(([begin, end, id]) => [begin, end, page.querySelector(`[id="${id}"]`)]);
    for (const [begin, , note] of marks) note.addEventListener("click", () => seek(begin));
    return (time) => {
      for (const [begin, end, note] of marks) note.classList.toggle("sounding", begin <= time && time < end);
    };
  }

  function colourOf(velocity) {
    const at = Math.min(velocity / 127, 0.999) * (SOFT_TO_LOUD.length - 1);
    const [low, high] = [SOFT_TO_LOUD[Math.floor(at)], SOFT_TO_LOUD[Math.floor(at) + 1]];
    return `rgb(${low.map((value, i) => Math.round(value + (at % 1) * (high[i] - value))).join()})`;
  }

  /** Shows a piano roll, and returns a function that shows a time; a long piece is turned page by page. */
  function showRoll(place, music, seconds, seek) {
    const canvas = element("canvas", "roll");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Piano roll of ${music.title}; brighter notes are louder`);
    place.replaceChildren(canvas);
    const span = Math.min(PAGE, seconds) || 1;
    const pitches = music.notes.map(([, , pitch]) => pitch);
    const low = Math.min(...pitches, 60) - 2, high = Math.max(...pitches, 60) + 2;
    let shown = 0;
    const draw = (time) => {
      shown = Math.max(time, 0);
      const ratio = window.devicePixelRatio || 1;
      const width = canvas.clientWidth, height = canvas.clientHeight, lane = height / (high - low + 1);
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      const style = getComputedStyle(canvas);
      const first = Math.floor(shown / span) * span, x = (at) => (at - first) / span * width;
      pen.fillStyle = style.getPropertyValue("--black-key");
      for (let pitch = low; pitch <= high; pitch += 1) {
        if (BLACK_KEYS.has(pitch % 12)) pen.fillRect(0, (high - pitch) * lane, width, lane);
      }
      for (const [onset, duration, pitch, velocity] of music.notes) {
        if (onset > first + span || onset + duration < first) continue;
        pen.fillStyle = colourOf(velocity);
        pen.fillRect(x(onset), (high - pitch) * lane, Math.max(2, duration / span * width - 1), Math.max(2, lane));
      }
      pen.fillStyle = style.getPropertyValue("--playhead");
      pen.fillRect(x(shown), 0, 1.5, height);
    };
    canvas.addEventListener("click", (event) => {
      const at = event.offsetX / canvas.clientWidth;
      seek(Math.floor(shown / span) * span + at * span);
    });
    new ResizeObserver(() => draw(shown)).observe(canvas);
    return draw;
  }

  return (place, first) => {
    let music = first, seconds = 0, show = () => {};
    let position = 0, origin = 0, next = 0, timer = null, sources = [];
    const button = element("button", "play", { type: "button" });
    const slider = element("input", "position", { type: "range", min: 0, step: "any", value: 0 });
    slider.setAttribute("aria-label", "Position");
    const time = element("span", "time");
    const remark = element("p", "remark", { hidden: true, textContent: "This browser cannot play sound." });
    const controls = element("div", "controls");
    const sheet = element("div", "sheet");
    controls.append(button, slider, time);
    place.classList.add("player");
    place.replaceChildren(controls, remark, sheet);

    const now = () => (timer === null ? position : Math.max(position, audio.context.currentTime - origin));

    function refresh() {
      const at = Math.min(now(), seconds);
      slider.value = at;
      time.textContent = `${clock(at)} / ${clock(seconds)}`;
      show(timer === null && at === 0 ? -1 : at);
    }

    function label() {
      button.textContent = timer === null ? "▶" : "❚❚";
      button.setAttribute("aria-label", `${timer === null ? "Play" : "Pause"} ${music.title}`);
    }

    function schedule() {
      const until = audio.context.currentTime + LOOK_AHEAD - origin;
      for (; next < music.notes.length && music.notes[next][0] < until; next += 1) {
        sources.push(strike(audio, music.notes[next], origin + music.notes[next][0]));
      }
      sources = sources.slice(-200);
      if (now() >= seconds) {
        pause();
        seek(0);
      }
    }

    function animate() {
      if (timer === null) return;
      refresh();
      requestAnimationFrame(animate);
    }

    function play() {
      if (timer !== null) return;
      const opened = openAudio();
      remark.hidden = opened !== null;
      if (opened === null) return;
      if (playing) playing.pause();
      playing = player;
      audio.context.resume();
      origin = audio.context.currentTime + LEAD - position;
      next = music.notes.findIndex(([onset]) => onset >= position - 0.001);
      if (next < 0) next = music.notes.length;
      timer = setInterval(schedule, TICK_MS);
      schedule();
      label();
      animate();
    }

    function pause() {
      if (timer === null) return;
      position = Math.min(now(), seconds);
      clearInterval(timer);
      timer = null;
      for (const source of sources) source.stop();
      sources = [];
      playing = null;
      label();
      refresh();
    }

    function seek(to) {
      const wasPlaying = timer !== null;
      pause();
      position = Math.min(Math.max(to, 0), seconds);
      refresh();
      if (wasPlaying) play();
    }

    function update(other) {
      const wasPlaying = timer !== null, at = now();
      pause();
      music = other;
      seconds = music.notes.reduce((end, [onset, duration]) => Math.max(end, onset + duration), 0);
      slider.max = seconds;
      show = music.svg ? showPage(sheet, music, seek) : showRoll(sheet, music, seconds, seek);
      label();
      seek(at);
      if (wasPlaying) play();
    }

    button.addEventListener("click", () => (timer === null ? play() : pause()));
    slider.addEventListener("input", () => seek(Number(slider.value)));
    const player = { play, pause, seek, update, isPlaying: () => timer !== null };
    update(music);
    return player;
  };
})();
