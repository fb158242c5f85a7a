/* The page around the engine. The same text runs in the page, which shows, and in a worker, which computes; `tap` alone
   runs in the audio thread and hands over the sound of the microphone. */

const WINDOW_S = 30; // of the microphone, on the canvas
const COLUMNS = 4000; // of a recording on the canvas, at most
const SHOWN = 6; // languages with a colour
const ROWS = 200; // turns that are shown while a stream goes on, the last ones
const MOST_BYTES = 3e8; // of a file: the browser decodes it in memory

// -------------------------------------------------------------------------------------------- in the audio thread
function tap() {
  registerProcessor("tap", class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.waiting = new Float32Array(2048);
      this.count = 0;
    }

    process([[sound]]) {
      if (!sound) return true;
      this.waiting.set(sound, this.count);
      this.count += sound.length;
      if (this.count === this.waiting.length) {
        this.port.postMessage(this.waiting);
        this.count = 0;
      }
      return true;
    }
  });
}

// --------------------------------------------------------------------------------------------------- in the worker
/** Take {model}, {begin, rate}, {sound}, {finish}; post what the page shows. A new stream drops the rest of the last. */
function work() {
  const queue = [];
  let identifier, resampler, stream, peaks, left, busy;
  self.onmessage = ({data}) => {
    if (data.model) identifier = new Identifier(JSON.parse(data.model));
    if (data.begin) {
      queue.length = 0;
      queue.push(() => {
        identifier.reset();
        resampler = new Resampler(data.rate, identifier.model.description.sample_rate);
        stream = data.begin;
        left = new Int16Array(0);
      });
    }
    for (let at = 0; data.sound && at < data.sound.length; at += data.rate) { // a second at a time
      const part = data.sound.subarray(at, at + data.rate);
      queue.push(() => show(identifier.accept(taken(resampler.accept(part)))));
    }
    if (data.finish) {
      queue.push(() => {
        const frames = identifier.accept(taken(resampler.finish()));
        const last = identifier.finish();
        frames.speech.push(...last.speech);
        frames.posteriors.push(...last.posteriors);
        show(frames, true);
      });
    }
    run();
  };

  const run = async () => {
    if (busy) return;
    busy = true;
    while (queue.length) {
      queue.shift()();
      if (queue.length) await new Promise((resolve) => setTimeout(resolve)); // a message may empty the queue
    }
    busy = false;
  };

  /** Return samples; keep the lowest and highest of every hop. */
  const taken = (sound) => {
    const samples = toSamples(sound);
    const hop = identifier.model.description.mfcc.hop_length;
    const all = joined(Int16Array, left, samples);
    let at = 0;
    peaks = [];
    for (; at + hop <= all.length; at += hop) {
      const part = all.subarray(at, at + hop);
      peaks.push([Math.min(...part) / FULL_SCALE, Math.max(...part) / FULL_SCALE]);
    }
    left = all.slice(at);
    return samples;
  };

  const show = ({speech, posteriors}, finished = false) => {
    const {decision, timeline} = identifier;
    const segments = finished ? timeline.segments : timeline.segments.slice(-ROWS);
    self.postMessage({stream, peaks, speech, posteriors, answer: decision.answer, present: timeline.present, segments, finished});
  };
}

// ----------------------------------------------------------------------------------------------------- in the page
/** A history in bounded memory: beyond `limit` items, the oldest are dropped, or neighbours are merged. */
class Track {
  constructor(limit, rolling, merge) {
    Object.assign(this, {limit, rolling, merge, items: [], first: 0, step: 1, part: null, count: 0});
  }

  push(item) {
    this.part = this.part ? this.merge(this.part, item) : item;
    if (++this.count % this.step) return;
    this.items.push(this.part);
    this.part = null;
    if (this.items.length <= this.limit) return;
    if (this.rolling) {
      this.items.shift();
      this.first++;
    } else {
      this.items = this.items.filter((_, n) => n % 2 === 0).map((one, n) => this.merge(one, this.items[2 * n + 1] ?? one));
      this.step *= 2;
      if (this.count % this.step) this.part = this.items.pop();
    }
  }
}

/** A 16-bit WAV file as it is; null if it is something else. The browser's own decoder scales both signs differently. */
function wav(buffer) {
  const view = new DataView(buffer);
  const name = (at) => at + 8 <= view.byteLength && String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (name(0) !== "RIFF" || view.byteLength < 12 || view.getUint32(8) !== 0x57415645) return null;
  let channels, rate;
  for (let at = 12; name(at); at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2)) {
    if (name(at) === "fmt ") {
      const kind = view.getUint16(at + 8, true);
      const plain = kind === 1 || (kind === 0xfffe && view.getUint16(at + 32, true) === 1);
      if (!plain || view.getUint16(at + 22, true) !== 16) return null;
      [channels, rate] = [view.getUint16(at + 10, true), view.getUint32(at + 12, true)];
    } else if (name(at) === "data" && rate) {
      const bytes = Math.min(view.getUint32(at + 4, true), view.byteLength - at - 8);
      const samples = new Int16Array(buffer, at + 8, Math.floor(bytes / 2));
      const sound = new Float32Array(Math.floor(samples.length / channels));
      for (let n = 0; n < sound.length; n++) {
        let sum = 0;
        for (let k = 0; k < channels; k++) sum += samples[n * channels + k];
        sound[n] = sum / channels / FULL_SCALE;
      }
      return {sound, rate};
    }
  }
  return null;
}

async function page(source) {
  const find = (id) => document.getElementById(id);
  const text = find("model").textContent;
  const say = (words, bad = false) => {
    if (find("status").textContent !== words) find("status").textContent = words; // a screen reader reads it once
    find("status").classList.toggle("bad", bad);
  };
  const buttons = ["listen", "open", "try", "reset"].map(find).filter(Boolean);
  const allow = (on) => buttons.forEach((one) => (one.disabled = !on));
  if (!globalThis.crypto?.subtle) return say("This address is not secure. Open the page from a file, or over https.", true);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  if ([...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join("") !== find("model").dataset.sha256) {
    return say("This copy of the page is damaged: its model is not the one that was packed. Get another copy.", true);
  }
  const {description, constants} = JSON.parse(text);
  const [lowest, highest] = constants.rates; // Hz, of a recording
  const {languages, prior, sample_rate: rate} = description;
  const possible = languages.filter((_, n) => !prior || prior[n] > 0);
  const frame_s = description.mfcc.hop_length / rate;
  const code = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const worker = new Worker(code);
  worker.postMessage({model: text});
  worker.onerror = (error) => say(`The engine stopped (${error.message}). Reload the page.`, true);

  let stream = 0; // number of the present one
  let peaks, frames, duration, answer, present, segments, name, microphone, loudest, silent;
  let dirty = false;
  let told; // turns in the table
  const colours = new Map();

  const begin = (sourceRate, rolling, of) => {
    stream++;
    name = of;
    const limit = rolling ? Math.ceil(WINDOW_S / frame_s) : COLUMNS;
    peaks = new Track(limit, rolling, (a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])]);
    frames = new Track(limit, rolling, (a, b) => ({
      speech: (a.speech + b.speech) / 2,
      posterior: a.posterior && b.posterior ? a.posterior.map((one, n) => (one + b.posterior[n]) / 2) : a.posterior ?? b.posterior,
    }));
    answer = null;
    present = {language: null, confidence: 0};
    segments = [];
    duration = loudest = silent = 0;
    colours.clear();
    worker.postMessage({begin: stream, rate: sourceRate});
    refresh();
  };

  worker.onmessage = ({data}) => {
    if (data.stream !== stream) return; // of a stream that was reset
    data.peaks.forEach((one) => peaks.push(one));
    data.peaks.forEach(([low, high]) => (loudest = Math.max(loudest, -low, high)));
    data.speech.forEach((speech, n) => {
      frames.push({speech: Number(speech), posterior: data.posteriors[n]});
      silent = speech ? 0 : silent + frame_s;
    });
    const before = segments.at(-1)?.language;
    ({answer, present, segments} = data);
    const last = segments.at(-1)?.language;
    if (last && last !== before) find("said").textContent = title(last);
    if (data.finished) finished();
    else if (microphone) hearing();
    refresh();
  };

  const hearing = () => {
    const heard = peaks.count * frame_s;
    if (answer.frames || heard < 3) say(answer.frames && silent > 2 ? "Listening: silence." : "Listening.");
    else if (!loudest) say("The microphone gives no sound at all. Is it muted?", true);
    else say("Listening, but there is no speech yet. Speak up, or come closer to the microphone.");
  };

  const finished = () => {
    microphone = null;
    allow(true);
    const length = `${(peaks.count * frame_s).toFixed(1)} s`;
    if (answer.frames) say(`${name}: ${length}, ${(answer.frames * frame_s).toFixed(1)} s of it speech.`);
    else say(`${name}: no speech was found in ${length}.`, true);
  };

  // ------------------------------------------------------------------------------------------------- microphone
  const listen = async () => {
    if (microphone) return stop();
    if (!navigator.mediaDevices) return say("This browser gives the page no microphone here. Open a recording instead, or the page over https.", true);
    allow(false);
    say("Waiting for the microphone. The browser may ask for your permission.");
    hidePlayer();
    begin(rate, true, "");
    let mine = stream;
    let media, context;
    const close = () => {
      media?.getTracks().forEach((track) => track.stop());
      if (context && context.state !== "closed") context.close();
    };
    try {
      const raw = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
      media = await navigator.mediaDevices.getUserMedia({audio: raw});
      if (mine !== stream) return close(); // a recording was opened meanwhile
      context = new AudioContext();
      const node = await tapped(context);
      if (mine !== stream) return close();
      context.createMediaStreamSource(media).connect(node);
      begin(context.sampleRate, true, "Microphone");
      mine = stream;
      microphone = close;
      media.getTracks()[0].onended = stop;
      await context.resume();
      if (microphone === close) allow(true);
    } catch (error) {
      close();
      if (mine !== stream) return;
      microphone = null;
      allow(true);
      const words = {
        NotAllowedError: "The microphone is not allowed. Allow it for this page, next to the address, and press Listen again.",
        NotFoundError: "No microphone was found. Connect one and press Listen again, or open a recording instead.",
        NotReadableError: "The microphone can't be used; another program may hold it. Close that and press Listen again.",
      };
      say(words[error.name] ?? `The microphone can't be used (${error.message}). Open a recording instead.`, true);
    }
    refresh();
  };

  /** The node that hands over the sound; in browsers that refuse its code in the audio thread, one of this thread. */
  const tapped = async (context) => {
    const take = (sound) => microphone && worker.postMessage({sound, rate: context.sampleRate}, [sound.buffer]);
    try {
      await context.audioWorklet.addModule(`data:text/javascript,(${encodeURIComponent(tap)})()`); // a blob has no origin
      const node = new AudioWorkletNode(context, "tap", {channelCount: 1, channelCountMode: "explicit", numberOfOutputs: 0});
      node.port.onmessage = ({data}) => take(data);
      return node;
    } catch {
      const node = context.createScriptProcessor(2048, 1, 1);
      node.onaudioprocess = ({inputBuffer}) => take(Float32Array.from(inputBuffer.getChannelData(0)));
      node.connect(context.destination); // else it is not called; its output is silent
      return node;
    }
  };

  const stop = () => {
    if (!microphone) return;
    microphone();
    microphone = null;
    allow(false);
    worker.postMessage({finish: true});
    refresh();
  };

  // ------------------------------------------------------------------------------------------------- recordings
  const read = async (file, of) => {
    if (microphone) microphone();
    microphone = null;
    begin(rate, false, of);
    const mine = stream;
    hidePlayer();
    allow(true); // whatever was to allow it belongs to the last stream
    if (file.size > MOST_BYTES) return say(`${of} is too large for a page. The command lid identify takes files of any length.`, true);
    say(`Reading ${of}.`);
    try {
      const buffer = await file.arrayBuffer();
      const {sound, rate: sourceRate} = wav(buffer) ?? (await decoded(buffer));
      if (mine !== stream) return; // something else was opened meanwhile
      if (sourceRate < lowest || sourceRate > highest) {
        const [given, from, to] = [sourceRate, lowest, highest].map((one) => one.toLocaleString("en"));
        return say(`${of} says that its sample rate is ${given} Hz; the page takes ${from} to ${to} Hz.`, true);
      }
      begin(sourceRate, false, of);
      duration = sound.length / sourceRate;
      worker.postMessage({sound, rate: sourceRate}, [sound.buffer]);
      worker.postMessage({finish: true});
      find("player").src = URL.createObjectURL(file);
      find("player").hidden = false;
    } catch {
      if (mine === stream) say(`${of} is in a format that this browser can't decode. Try WAV, MP3 or M4A.`, true);
    }
    refresh();
  };

  /** The browser's decoder, with its own resampler, and the mean of the channels. */
  const decoded = async (buffer) => {
    const audio = await new OfflineAudioContext(1, 1, rate).decodeAudioData(buffer);
    const channels = Array.from({length: audio.numberOfChannels}, (_, n) => audio.getChannelData(n));
    const sound = Float32Array.from(channels[0]);
    if (channels.length > 1) sound.forEach((_, n) => (sound[n] = channels.reduce((sum, one) => sum + one[n], 0) / channels.length));
    return {sound, rate};
  };

  const hidePlayer = () => {
    const player = find("player");
    if (player.src) URL.revokeObjectURL(player.src);
    player.removeAttribute("src");
    player.hidden = true;
  };

  // ------------------------------------------------------------------------------------------------- what is shown
  const title = (language) => language[0].toUpperCase() + language.slice(1);
  const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

  const refresh = () => {
    find("listen").textContent = microphone ? "Stop" : "Listen";
    find("listen").classList.toggle("on", Boolean(microphone));
    if (dirty) return;
    dirty = true;
    requestAnimationFrame(() => {
      dirty = false;
      tell();
      draw();
    });
  };

  const tell = () => {
    const heard = answer?.frames > 0;
    find("when").textContent = duration ? "At the end" : "Now";
    find("present").textContent = present.language ? title(present.language) : "–";
    find("sure").textContent = present.language
      ? `${present.confidence > 0.99 ? "over 99%" : percent(present.confidence)} confident` : "no speech yet";
    find("whole").textContent = heard ? title(answer.language) : "–";
    find("whole-sure").textContent = heard
      ? `${percent(answer.confidence, 1)} confident, if all ${(answer.frames * frame_s).toFixed(1)} s are in one language` : "no speech yet";
    const ranked = possible.map((one) => [one, answer ? answer.posteriors[languages.indexOf(one)] : 0]);
    if (possible.length > SHOWN) ranked.sort((a, b) => b[1] - a[1]);
    recolour(ranked.map(([one]) => one));
    ranked.slice(0, SHOWN).forEach(([one, share], n) => {
      const row = find("bars").children[n] ?? find("bars").appendChild(find("bar").content.firstElementChild.cloneNode(true));
      row.querySelector("bdi").textContent = title(one);
      row.querySelector("i").style.cssText = `width: ${percent(heard ? share : 0, 2)}; background: var(${colour(one)})`;
      row.querySelector("data").textContent = heard ? percent(share, 1) : "–";
    });
    const turns = JSON.stringify([segments, duration]);
    if (turns === told) return;
    told = turns;
    find("turns").hidden = !segments.length;
    find("segments").replaceChildren(...(duration ? segments : [...segments].reverse()).map((one) => {
      const row = find("row").content.cloneNode(true);
      const [language, start, end, sure] = row.querySelectorAll("bdi, td");
      [language.textContent, start.textContent, end.textContent] = [title(one.language), clock(one.start_s), clock(one.end_s)];
      sure.textContent = percent(one.confidence, 1);
      return row;
    }));
  };

  /** Give the colours, of which there are few, to the languages of the last turns and to the most likely ones. */
  const recolour = (ranked) => {
    const wanted = [...new Set([...segments.map(({language}) => language).reverse(), ...ranked])].slice(0, SHOWN);
    for (const one of [...colours.keys()]) if (!wanted.includes(one)) colours.delete(one);
    const free = Array.from({length: SHOWN}, (_, n) => `--series${n}`).filter((one) => ![...colours.values()].includes(one));
    for (const one of wanted) if (!colours.has(one)) colours.set(one, free.shift());
  };
  const colour = (language) => colours.get(language) ?? "--quiet";

  const draw = () => {
    const canvas = find("canvas");
    const {width, height} = canvas.getBoundingClientRect();
    const ratio = devicePixelRatio;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const paint = (variable) => style.getPropertyValue(variable).trim();
    const now = peaks.count * frame_s;
    const span = duration || WINDOW_S;
    const start = duration ? 0 : Math.max(0, now - span);
    const x = (seconds) => ((seconds - start) / span) * width;
    const at = (track, n) => x((track.first + n) * track.step * frame_s);
    const [wave, curves, turns] = [[8, height * 0.36], [height * 0.41, height * 0.76], [height * 0.8, height - 24]];
    pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;

    pen.fillStyle = paint("--shade");
    for (let n = 0; n < frames.items.length; n++) { // speech
      if (frames.items[n].speech < 0.5) continue;
      const from = n;
      while (n < frames.items.length && frames.items[n].speech >= 0.5) n++;
      pen.fillRect(at(frames, from), wave[0], at(frames, n) - at(frames, from), curves[1] - wave[0]);
    }
    pen.lineWidth = 1;
    pen.strokeStyle = paint("--faint");
    pen.fillStyle = paint("--quiet");
    pen.textBaseline = "alphabetic";
    pen.beginPath();
    for (const y of curves) pen.moveTo(0, y) || pen.lineTo(width, y);
    const every = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600].find((one) => (one / span) * width > 56) ?? 7200;
    for (let time = Math.ceil(start / every) * every; time <= start + span; time += every) {
      pen.moveTo(x(time), turns[1]);
      pen.lineTo(x(time), turns[1] + 4);
      const label = span < 100 ? `${time} s` : clock(time).slice(0, -2);
      const place = Math.min(Math.max(x(time), pen.measureText(label).width / 2), width - pen.measureText(label).width / 2);
      pen.textAlign = "center";
      pen.fillText(label, place, height - 6);
    }
    pen.stroke();
    pen.textAlign = "center";
    if (!peaks.count) pen.fillText("Press Listen, or drop a recording here", width / 2, (wave[0] + wave[1]) / 2 - 8);

    const middle = (wave[0] + wave[1]) / 2;
    const scale = (wave[1] - wave[0]) / 2 / Math.max(1.05 * Math.max(...peaks.items.map(([low, high]) => Math.max(-low, high))), 0.02);
    pen.strokeStyle = paint("--ink");
    pen.lineWidth = Math.max(1, at(peaks, 1) - at(peaks, 0));
    pen.beginPath();
    peaks.items.forEach(([low, high], n) => {
      pen.moveTo(at(peaks, n), middle - high * scale - 0.25);
      pen.lineTo(at(peaks, n), middle - low * scale + 0.25);
    });
    pen.stroke();

    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    for (const [language, variable] of colours) {
      const number = languages.indexOf(language);
      pen.strokeStyle = paint(variable);
      pen.beginPath();
      let down = false;
      frames.items.forEach(({speech, posterior}, n) => {
        const seen = speech >= 0.5 && posterior;
        const y = seen && curves[1] + posterior[number] * (curves[0] - curves[1]);
        if (seen) down ? pen.lineTo(at(frames, n), y) : pen.moveTo(at(frames, n), y);
        down = seen;
      });
      pen.stroke();
    }

    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const {language, start_s, end_s} of segments) {
      const [left, right] = [Math.max(x(start_s), 0), x(end_s)];
      if (right < 0) continue;
      pen.globalAlpha = 0.35;
      pen.fillStyle = paint(colour(language));
      pen.fillRect(left, turns[0], right - left - 1, turns[1] - turns[0]);
      pen.globalAlpha = 1;
      pen.fillStyle = paint("--ink");
      pen.save();
      pen.beginPath();
      pen.rect(left, turns[0], right - left - 4, turns[1] - turns[0]);
      pen.clip();
      pen.fillText(title(language), left + 6, (turns[0] + turns[1]) / 2);
      pen.restore();
    }
    if (duration && find("player").currentTime) { // where it is played
      pen.fillStyle = paint("--bad");
      pen.fillRect(x(find("player").currentTime), wave[0], 2, turns[1] - wave[0]);
    }
    canvas.setAttribute("aria-label", segments.length
      ? `Sound and posteriors over time; the last turn is ${title(segments.at(-1).language)}` : "Sound and posteriors over time; no speech yet");
  };

  // ------------------------------------------------------------------------------------------------- controls
  find("listen").onclick = listen;
  find("open").onclick = () => find("file").click();
  find("file").onchange = ({target}) => {
    if (target.files.length) read(target.files[0], target.files[0].name);
    target.value = "";
  };
  if (find("try")) {
    const sound = find("example").textContent;
    find("try").onclick = async () => read(new Blob([Uint8Array.from(atob(sound), (one) => one.charCodeAt(0))], {type: "audio/mpeg"}), "Example, synthetic voices");
  }
  find("reset").onclick = () => {
    if (microphone) microphone();
    microphone = null;
    hidePlayer();
    begin(rate, true, "");
    say("Ready.");
  };
  find("player").ontimeupdate = refresh;
  document.ondragover = (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  };
  document.ondragleave = ({relatedTarget}) => relatedTarget || document.body.classList.remove("over");
  document.ondrop = (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) read(file, file.name);
  };
  new ResizeObserver(refresh).observe(find("canvas"));
  matchMedia("(prefers-color-scheme: dark)").onchange = refresh;
  begin(rate, true, "");
  allow(true);
  say("Ready.");
}

if (typeof document !== "undefined") page(document.currentScript.textContent);
else work();
