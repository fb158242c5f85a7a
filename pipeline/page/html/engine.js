"use strict";
/* The engine: 16-bit samples in, the language frame by frame out. It has no page and needs none: the page, its worker
   and the tests run the same text. Each part names the Python module that it mirrors; arithmetic is in double precision
   on float32 weights, and exact where Python's is in integers.

   samples ─┬─► Framer: MFCCs ─────┬─► Network ─► posterior of every frame ─┬─► Decision: all of it
            └─► Detector: speech? ─┘                                        └─► Timeline: who speaks what when       */

// ---------------------------------------------------------------------------------------------- pipeline/audio
const FULL_SCALE = 32768;

/** Round to the nearest whole number, halves to the even one, as Python and NumPy do. */
const rint = (value) => {
  const up = Math.round(value); // halves go up
  return up - value === 0.5 && up % 2 ? up - 1 : up;
};

/** samples.py: round a waveform, full scale ±1, to 16 bits. */
const toSamples = (sound) => {
  const samples = new Int16Array(sound.length);
  for (let n = 0; n < sound.length; n++) samples[n] = Math.min(Math.max(rint(sound[n] * FULL_SCALE), -FULL_SCALE), FULL_SCALE - 1);
  return samples;
};

/** resample.py, with a windowed sinc in the place of soxr: y(t) = Σ x[n] h(t - n), h(t) = c sinc(c t) kaiser(t / half). */
class Resampler {
  constructor(from, to) {
    const gcd = (a, b) => (b ? gcd(b, a % b) : a);
    this.up = to / gcd(from, to);
    this.down = from / gcd(from, to);
    this.cutoff = 0.95 * Math.min(1, to / from); // of half the rate of the source
    this.half = Math.ceil(40 / this.cutoff); // samples that an output sees on both sides
    this.phases = new Map(); // weights by the place between two samples
    this.pending = new Float32Array(this.half);
    this.place = this.half * this.up; // of the next output in `pending`, in steps of 1 / up
    this.taken = this.given = 0;
  }

  accept(sound) {
    if (this.up === this.down) return sound;
    this.taken += sound.length;
    const waiting = joined(Float32Array, this.pending, sound);
    const found = [];
    for (let at; (at = Math.floor(this.place / this.up)) + this.half < waiting.length; this.place += this.down) {
      const weights = this.weights(this.place % this.up);
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) sum += weights[tap] * waiting[at - this.half + tap];
      found.push(sum);
    }
    const passed = Math.max(0, Math.min(Math.floor(this.place / this.up) - this.half, waiting.length));
    this.pending = waiting.slice(passed);
    this.place -= passed * this.up;
    this.given += found.length;
    return Float32Array.from(found);
  }

  finish() {
    const due = Math.ceil((this.taken * this.up) / this.down) - this.given;
    return this.up === this.down ? new Float32Array(0) : this.accept(new Float32Array(this.half + 1)).slice(0, due);
  }

  weights(phase) {
    if (!this.phases.has(phase)) {
      const bessel = (x, term = 1, n = 1) => (term < 1e-12 ? 0 : term + bessel(x, term * (x / 2 / n) ** 2, n + 1));
      const weight = (_, tap) => {
        const x = tap - this.half - phase / this.up;
        const inside = 1 - (x / (this.half + 1)) ** 2;
        return this.cutoff * (x ? Math.sin(Math.PI * this.cutoff * x) / (Math.PI * this.cutoff * x) : 1) *
          bessel(10 * Math.sqrt(inside)) / bessel(10);
      };
      this.phases.set(phase, Float64Array.from({length: 2 * this.half + 1}, weight));
    }
    return this.phases.get(phase);
  }
}

const joined = (Kind, first, second) => {
  const both = new Kind(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
};

// -------------------------------------------------------------------------------------------- pipeline/silence
/** rule.py: the samples at which SoX's effect `silence` starts and stops, in exact integers.
    The level is the RMS of the last 20 ms; SoX changes once it has been on the other side of the threshold for `wait`. */
class SoxRule {
  constructor(rate, threshold, duration) {
    this.window = Math.floor(rate / 50);
    this.wait = Math.floor(duration * rate + 0.5);
    this.most = this.window * FULL_SCALE ** 2;
    this.least = SoxRule.leastEnergy(this.window, Number(threshold.toFixed(6)));
    this.squares = new Float64Array(this.window); // a ring: the oldest is that of the sample number modulo its length
    this.energy = this.run = this.count = 0;
    this.open = false;
  }

  /** The least sum of squares above the threshold: SoX takes the root in double precision and truncates it to 25 bits. */
  static leastEnergy(window, threshold) {
    const above = (energy) => {
      const level = Math.floor(Math.sqrt((energy * 2 ** 32) / window));
      return ((Math.floor(level / 128) * 128) / (2 ** 31 - 1)) * 100 > threshold;
    };
    let low = 0;
    let high = window * FULL_SCALE ** 2 + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (above(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  get undecided() {
    return this.count - this.run;
  }

  accept(samples) {
    const changes = [];
    for (const sample of samples) {
      const place = this.count % this.window;
      this.energy += sample * sample - this.squares[place];
      this.squares[place] = sample * sample;
      this.count++;
      const above = this.least <= this.energy && this.energy < this.most;
      this.run = above === this.open ? 0 : this.run + 1;
      if (this.run < this.wait) continue;
      this.open = !this.open;
      this.run = 0;
      changes.push([this.open, this.count - this.wait]);
      if (!this.open) this.squares.fill(this.energy = 0); // SoX resets the level when it stops
    }
    return changes;
  }
}

/** detector.py: the flag of each frame, as soon as no later sample can change it. */
class Detector {
  constructor(rate, hop, silence, duration) {
    this.rule = new SoxRule(rate, silence.threshold, duration);
    this.hop = hop;
    this.minSilence = Math.max(1, rint(silence.min_silence * rate));
    this.minSpeech = rint(silence.min_speech * rate);
    this.pad = rint(silence.pad * rate);
    this.group = null; // joined spans; the next one may still join them
    this.speech = []; // padded spans that frames have not passed yet
    this.decided = 0;
  }

  accept(samples) {
    for (const [starts, sample] of this.rule.accept(samples)) {
      if (starts) this.close(sample);
      this.group = [this.group ? this.group[0] : sample, sample];
    }
    if (this.rule.open && this.group) this.group[1] = this.rule.undecided;
    else this.close(this.rule.undecided);
    return this.decide(this.rule.count, this.rule.undecided);
  }

  finish() {
    const {count} = this.rule;
    if (this.rule.open && this.group) this.group[1] = count;
    this.close(Infinity);
    return this.decide(count + 1, count + 1 + this.pad + this.hop);
  }

  close(sample) {
    if (!this.group || sample - this.group[1] < this.minSilence) return;
    const [start, stop] = this.group;
    if (stop - start >= this.minSpeech) this.speech.push([start - this.pad, stop + this.pad]);
    this.group = null;
  }

  decide(end, undecided) {
    const flags = [];
    const [start, stop] = this.group || [undecided, undecided];
    const long = this.group && stop - start >= this.minSpeech;
    for (let middle; (middle = (this.decided + flags.length) * this.hop) < end; ) {
      middle = Math.min(middle, Math.max(this.rule.count - 1, 0));
      while (this.speech.length && this.speech[0][1] <= middle) this.speech.shift();
      if (this.speech.length && this.speech[0][0] <= middle) flags.push(true);
      else if (middle < start - this.pad) flags.push(false);
      else if (long && middle < stop + this.pad) flags.push(true);
      else break;
    }
    this.decided += flags.length;
    return flags;
  }
}

// ----------------------------------------------------------------------------------------------- pipeline/mfcc
/** The power of the discrete Fourier transform, |X[k]|², X[k] = Σ x[n] exp(-2πi k n / N), by the factors of N. */
class Fourier {
  constructor(length) {
    this.length = length;
    this.cos = Float64Array.from({length}, (_, n) => Math.cos((2 * Math.PI * n) / length));
    this.sin = Float64Array.from({length}, (_, n) => -Math.sin((2 * Math.PI * n) / length));
    this.real = new Float64Array(length);
    this.imaginary = new Float64Array(length);
    this.parts = [new Float64Array(length), new Float64Array(length)];
  }

  power(signal, found) {
    this.transform(signal, 0, 1, this.length, 0);
    for (let bin = 0; bin < found.length; bin++) found[bin] = this.real[bin] ** 2 + this.imaginary[bin] ** 2;
  }

  /** Transform `count` values, `stride` apart from `from` on, into `real` and `imaginary` from `to` on. */
  transform(signal, from, stride, count, to) {
    const {real, imaginary, cos, sin, length} = this;
    if (count === 1) {
      real[to] = signal[from];
      imaginary[to] = 0;
      return;
    }
    let factor = 2;
    while (count % factor) factor++;
    const size = count / factor;
    for (let part = 0; part < factor; part++) {
      this.transform(signal, from + part * stride, stride * factor, size, to + part * size);
    }
    const [re, im] = this.parts;
    for (let bin = 0; bin < size; bin++) { // X[bin + q·size] = Σ over parts of W^(part · (bin + q·size)) Y[part][bin]
      for (let part = 0; part < factor; part++) {
        re[part] = real[to + part * size + bin];
        im[part] = imaginary[to + part * size + bin];
      }
      for (let at = to + bin, place = bin; place < count; place += size, at += size) {
        let sumRe = re[0];
        let sumIm = im[0];
        for (let part = 1; part < factor; part++) {
          const turn = (part * place * stride) % length;
          sumRe += re[part] * cos[turn] - im[part] * sin[turn];
          sumIm += re[part] * sin[turn] + im[part] * cos[turn];
        }
        real[at] = sumRe;
        imaginary[at] = sumIm;
      }
    }
  }
}

/** stream.py, kernel.py: mfcc = 10 log10(max(|DFT(window · x)|² · mel, floor)) · cosines; frame t is centred on t · hop. */
class Framer {
  constructor(arrays, hop, floor) {
    Object.assign(this, {hop, floor}, arrays);
    this.bands = arrays.mel.length / (arrays.window.length / 2 + 1 | 0);
    this.coefficients = arrays.cosines.length / this.bands;
    this.edges = Array.from({length: this.bands}, (_, band) => {
      const inside = Array.from(this.spectrum(), (__, bin) => this.mel[bin * this.bands + band] !== 0);
      return [Math.max(inside.indexOf(true), 0), inside.lastIndexOf(true) + 1];
    });
    this.fourier = new Fourier(arrays.window.length);
    this.windowed = new Float64Array(arrays.window.length);
    this.pending = new Int16Array(arrays.window.length >> 1); // zeros before the first sample
    this.samples = this.frames = 0;
  }

  spectrum() {
    return new Float64Array((this.window.length >> 1) + 1);
  }

  accept(samples) {
    this.samples += samples.length;
    return this.compute(samples, Infinity);
  }

  finish() {
    const due = 1 + Math.floor(this.samples / this.hop) - this.frames;
    return this.compute(new Int16Array(this.window.length), due);
  }

  compute(samples, most) {
    const waiting = joined(Int16Array, this.pending, samples);
    const found = [];
    let at = 0;
    for (; at + this.window.length <= waiting.length && found.length < most; at += this.hop) {
      found.push(this.frame(waiting.subarray(at, at + this.window.length)));
    }
    this.pending = waiting.slice(at);
    this.frames += found.length;
    return found;
  }

  frame(samples) {
    const {bands, coefficients, mel, cosines} = this;
    const power = this.spectrum();
    for (let n = 0; n < samples.length; n++) this.windowed[n] = (samples[n] / FULL_SCALE) * this.window[n];
    this.fourier.power(this.windowed, power);
    const cepstrum = new Float64Array(coefficients);
    for (let band = 0; band < bands; band++) {
      let sum = 0;
      for (let [bin, stop] = this.edges[band]; bin < stop; bin++) sum += power[bin] * mel[bin * bands + band];
      const decibels = 10 * Math.log10(Math.max(sum, this.floor));
      for (let n = 0; n < coefficients; n++) cepstrum[n] += decibels * cosines[band * coefficients + n];
    }
    return cepstrum;
  }
}

// --------------------------------------------------------------------------------------------- pipeline/network
const sigmoid = (value) => 1 / (1 + Math.exp(-value));

/** out[n] = bias[n] + Σ weights[n][k] signal[k], the rows of `weights` one after the other. */
const rows = (weights, signal, bias, start, count) => {
  const out = new Float64Array(count);
  for (let n = 0, at = 0; n < count; n++) {
    let sum = bias[start + n];
    for (let k = 0; k < signal.length; k++) sum += weights[at++] * signal[k];
    out[n] = sum;
  }
  return out;
};

/** forms.py, as export/onnx_file.py writes it: each node of model.onnx, (array inputs, signals, the layer's state) -> signal. */
const NODES = {
  Gemm: ([weights, bias], [signal]) => {
    const out = Float64Array.from(bias);
    for (let k = 0, at = 0; k < signal.length; k++) for (let n = 0; n < out.length; n++) out[n] += weights[at++] * signal[k];
    return out;
  },
  Relu: (_, [signal]) => signal.map((value) => Math.max(value, 0)),
  Mul: (_, [one, other]) => one.map((value, n) => value * other[n]),
  Softmax: (_, [signal]) => {
    const highest = Math.max(...signal);
    const odds = signal.map((value) => Math.exp(value - highest));
    const total = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => value / total);
  },
  /** z, r = σ(W x + R h + b);  n = tanh(W x + b + r ∘ (R h + c));  h' = (1 - z) ∘ n + z ∘ h */
  GRU: ([w, r, b], [signal], state, units) => {
    const h = (state.h ??= new Float64Array(units));
    const x = rows(w, signal, b, 0, 3 * units);
    const y = rows(r, h, b, 3 * units, 3 * units);
    return (state.h = h.map((before, n) => {
      const update = sigmoid(x[n] + y[n]);
      const reset = sigmoid(x[units + n] + y[units + n]);
      const candidate = Math.tanh(x[2 * units + n] + reset * y[2 * units + n]);
      return (1 - update) * candidate + update * before;
    }));
  },
  /** i, o, f = σ(W x + R h + b);  c' = f ∘ c + i ∘ tanh(W x + R h + b);  h' = o ∘ tanh(c') */
  LSTM: ([w, r, b], [signal], state, units) => {
    const h = (state.h ??= new Float64Array(units));
    const c = (state.c ??= new Float64Array(units));
    const x = rows(w, signal, b, 0, 4 * units);
    const y = rows(r, h, b, 4 * units, 4 * units);
    const gate = (number, n) => x[number * units + n] + y[number * units + n];
    state.c = c.map((before, n) => sigmoid(gate(2, n)) * before + sigmoid(gate(0, n)) * Math.tanh(gate(3, n)));
    return (state.h = state.c.map((after, n) => sigmoid(gate(1, n)) * Math.tanh(after)));
  },
};

/** The network of a stream: the steps of a program in their order; each keeps its states. */
class Network {
  constructor(steps, arrays) {
    this.steps = steps.map((step) => ({...step, node: NODES[step.op], given: step.arrays.map((name) => arrays[name]), state: {}}));
  }

  accept(frame) {
    const signals = {frame};
    for (const step of this.steps) {
      signals[step.to] = step.node(step.given, step.from.map((name) => signals[name]), step.state, step.units);
    }
    return Float32Array.from(signals.posterior);
  }
}

// ------------------------------------------------------------------------------------------- pipeline/streaming
/** decision.py: the language of the whole stream. p ∝ prior · exp(mean log posterior of its speech frames / temperature). */
class Decision {
  constructor({languages, classes, decision, prior}, constants) {
    Object.assign(this, {languages, rule: decision, prior, floor: constants.posterior_floor});
    this.total = new Float64Array(languages.length);
    this.posteriors = new Float64Array(classes.length);
    this.posteriors.set(prior ?? languages.map(() => 1 / languages.length));
    this.best = -1;
    this.frames = this.since = this.changes = 0;
  }

  accept(posterior, number) {
    this.frames++;
    this.total.forEach((sum, n) => {
      const likely = Math.max(posterior[n], this.floor);
      this.total[n] = sum + (this.rule.mean === "log" ? Math.log(likely) : likely);
    });
    const ranked = this.prior ? this.scores() : this.total;
    const best = ranked.indexOf(Math.max(...ranked));
    if (best === this.best) return;
    this.changes += this.best >= 0;
    this.best = best;
    this.since = number;
  }

  scores() {
    return this.total.map((sum, n) => {
      const mean = sum / this.frames;
      return (this.rule.mean === "log" ? mean : Math.log(mean)) / this.rule.temperature +
        (this.prior ? Math.log(this.prior[n]) : 0);
    });
  }

  get answer() {
    if (this.frames) this.posteriors.set(NODES.Softmax(null, [this.scores()]));
    const confidence = this.frames ? Math.max(...this.posteriors) : 0;
    const leading = this.frames ? this.languages[this.best] : null;
    const language = this.frames && confidence < this.rule.unknown_below ? "unknown" : leading;
    return {language, confidence, posteriors: [...this.posteriors], frames: this.frames, since: this.since, changes: this.changes};
  }
}

/** timeline.py: a hidden Markov model in blocks of 0.2 s. a ∝ e ∘ [(1 - p) a + p π];  b = (1 - p)(e ∘ b) + p π · (e ∘ b). */
class Timeline {
  constructor({languages, turns, prior, conventions}, constants, frame_s) {
    const {block_s, ahead_blocks, sure, pause_s} = conventions.timeline;
    Object.assign(this, {languages, frame_s, sure, pause_s, ahead: ahead_blocks, constants, temperature: turns.temperature});
    this.block = Math.max(1, rint(block_s / frame_s));
    this.delay = rint(turns.delay / frame_s);
    this.prior = Float64Array.from(prior ?? languages.map(() => 1 / languages.length));
    this.enter = Math.min(1, (this.block * frame_s) / turns.turn); // p
    this.forward = this.prior;
    this.silent = this.fixed = 0;
    this.answers = []; // posteriors and flags of frames that belong to no block yet
    this.flags = [];
    this.blocks = []; // that are not fixed
    this.closed = [];
    this.open = null;
    this.begin();
  }

  begin() {
    this.sums = new Float64Array(this.languages.length);
    this.count = 0;
    this.spoken = false;
  }

  /** Take posteriors and flags of more frames, as many or fewer flags: the evidence of a frame is a later posterior. */
  accept(posteriors, flags) {
    this.answers = this.answers.concat(posteriors);
    this.flags = this.flags.concat(flags);
    const count = Math.max(0, Math.min(this.flags.length, this.answers.length - this.delay));
    const speech = this.flags.splice(0, count);
    const evidence = this.answers.slice(this.delay, this.delay + count);
    this.answers.splice(0, count);
    evidence.forEach((posterior, n) => this.take(posterior, speech[n]));
  }

  take(posterior, speech) {
    if (speech) {
      this.spoken = true;
      this.sums.forEach((sum, n) => {
        this.sums[n] = sum + Math.log(Math.max(posterior[n], this.constants.posterior_floor)) / this.temperature;
      });
    }
    if (++this.count < this.block) return;
    const highest = Math.max(...this.sums.filter((_, n) => this.prior[n] > 0));
    const likely = this.sums.map((sum) => Math.max(Math.exp(Math.min(sum - highest, 0)), this.constants.unlikely));
    this.step(this.spoken ? likely : null);
    this.begin();
    if (this.blocks.length > this.ahead) this.fix(1);
  }

  finish() {
    if (this.flags.length) this.accept(Array(this.delay).fill(this.answers.at(-1)), []); // the last answer holds on
    const last = this.count;
    while (this.count) this.take(null, false); // the rest of the last block has no speech
    this.fix(this.blocks.length, last || this.block);
    this.close();
  }

  get present() {
    if (this.forward === this.prior) return {language: null, confidence: 0};
    const confidence = Math.max(...this.forward);
    return {language: this.languages[this.forward.indexOf(confidence)], confidence};
  }

  /** The distribution before a block, given that after the previous one. */
  moved(posterior, entry = this.prior) {
    return posterior.map((value, n) => (1 - this.enter) * value + this.enter * entry[n]);
  }

  step(likely) {
    if (likely || this.forward !== this.prior) this.forward = this.moved(this.forward);
    if (likely) this.forward = normalised(this.forward.map((value, n) => value * likely[n]));
    this.blocks.push({forward: this.forward, likely});
  }

  fix(count, last) {
    let after = new Float64Array(this.languages.length).fill(1);
    const found = [];
    for (let number = this.blocks.length - 1; number >= 0; number--) {
      const {forward, likely} = this.blocks[number];
      if (number < count) found.unshift({likely, posterior: normalised(forward.map((value, n) => value * after[n]))});
      const seen = likely ? after.map((value, n) => value * likely[n]) : after;
      const entered = seen.reduce((sum, value, n) => sum + this.prior[n] * value, 0);
      after = this.moved(seen, after.map(() => entered));
    }
    found.forEach((block, number) => {
      const frames = last && number === count - 1 ? last : this.block;
      const start = this.fixed++ * this.block * this.frame_s;
      this.add(block, start, start + frames * this.frame_s);
    });
    this.blocks.splice(0, count);
  }

  add({likely, posterior}, start, end) {
    this.silent = likely ? 0 : this.silent + 1;
    if (this.silent) {
      if (this.silent * this.block * this.frame_s > this.pause_s - this.frame_s / 2) this.close();
      return;
    }
    let best = posterior.indexOf(Math.max(...posterior));
    if (posterior[best] < this.sure) {
      if (!this.open) return;
      best = this.open.best;
    }
    if (this.open && this.open.best !== best) this.close();
    this.open ??= {best, start, total: 0, blocks: 0};
    this.open.end = end;
    this.open.total += posterior[best];
    this.open.blocks++;
  }

  close() {
    if (this.open) this.closed.push(this.segment(true));
    if (this.closed.length > this.constants.kept) this.closed.shift();
    this.open = null;
  }

  segment(closed) {
    const {best, start, end, total, blocks} = this.open;
    const [start_s, end_s, confidence] = [start, end, total / blocks].map((value) => Math.round(value * 1e6) / 1e6);
    return {start_s, end_s, language: this.languages[best], confidence, closed};
  }

  get segments() {
    return this.closed.concat(this.open ? this.segment(false) : []);
  }
}

const normalised = (odds) => {
  const total = odds.reduce((sum, value) => sum + value, 0);
  return odds.map((value) => value / total);
};

/** identifier.py: one stream. `accept` and `finish` return the frames that are decided; a posterior is null for a frame
    that the network does not see. */
class Identifier {
  constructor({description, constants, steps, arrays}) {
    const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
    this.model = {description, constants, steps};
    this.arrays = Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, floats(text)]));
    this.frame_s = description.mfcc.hop_length / description.sample_rate;
    this.reset();
  }

  reset() {
    const {description, constants, steps} = this.model;
    const {sample_rate, mfcc, silence, conventions} = description;
    this.framer = new Framer(this.arrays, mfcc.hop_length, conventions.mfcc.amin);
    this.detector = new Detector(sample_rate, mfcc.hop_length, silence, conventions.silence.duration_s);
    this.network = new Network(steps, this.arrays);
    this.decision = new Decision(description, constants);
    this.timeline = new Timeline(description, constants, this.frame_s);
    this.features = []; // that the network has not taken
    this.answers = []; // waiting for their flags
    this.flags = []; // and flags for their answers
    this.decided = 0;
  }

  accept(samples) {
    return this.advance(this.framer.accept(samples), this.detector.accept(samples));
  }

  finish() {
    const frames = this.advance(this.framer.finish(), this.detector.finish());
    this.timeline.finish();
    return frames;
  }

  advance(features, flags) {
    const {seen} = this.model.constants; // by the network: every frame, or speech only, for which it waits for flags
    this.features = this.features.concat(features);
    this.flags = this.flags.concat(flags);
    const known = seen ? this.features.length : Math.min(this.features.length, this.flags.length);
    const answers = this.features.splice(0, known).map((frame, n) => (seen || this.flags[n] ? this.network.accept(frame) : null));
    this.timeline.accept(answers, flags);
    this.answers = this.answers.concat(answers);
    const count = Math.min(this.answers.length, this.flags.length);
    const [posteriors, speech] = [this.answers.splice(0, count), this.flags.splice(0, count)];
    posteriors.forEach((posterior, n) => speech[n] && this.decision.accept(posterior, this.decided + n));
    this.decided += count;
    return {first: this.decided - count, speech, posteriors};
  }
}
