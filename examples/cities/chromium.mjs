// A Chromium without a window, over its DevTools protocol: pages that are looked at, clicked and drawn on. Knows nothing of cities.

import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

import WebSocket from 'ws';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PATIENCE = 60_000;
const SILENT = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions'];

/** What CHROMIUM names, or the first one on the path. */
function executable() {
  const places = (process.env.PATH ?? '').split(delimiter).flatMap(folder => NAMES.map(name => join(folder, name)));
  const found = process.env.CHROMIUM ?? places.find(usable);
  if (!found) throw new Error(`no Chromium: apt-get install chromium, or set CHROMIUM to its path (looked for ${NAMES.join(', ')})`);
  return found;
}

function usable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export class Chromium {
  static async start() {
    const browser = new Chromium();
    browser.folder = mkdtempSync(join(tmpdir(), 'consign-chromium-'));
    // Chromium refuses to run as root with its sandbox; the only page it opens is ours.
    const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const options = ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0', `--user-data-dir=${browser.folder}`];
    browser.child = spawn(executable(), [...options, ...SILENT, ...root, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // a group of its own, to be ended as a whole
    });
    process.once('exit', () => browser.end());
    try {
      await browser.attach(await address(browser.child));
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  constructor() {
    this.calls = new Map();
    this.pages = new Map();
    this.last = 0;
  }

  attach(url) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('message', text => this.take(JSON.parse(text)));
    this.socket.on('close', () => this.calls.forEach(({ reject }) => reject(new Error('Chromium is gone'))));
    return new Promise((resolve, reject) => this.socket.once('open', resolve).once('error', reject));
  }

  take({ id, result, error, method, params, sessionId }) {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error) call?.reject(new Error(`Chromium: ${error.message}`));
    else if (call) call.resolve(result);
    else this.pages.get(sessionId)?.hear(method, params);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.last;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.calls.set(id, { resolve, reject }));
  }

  /** Another tab. */
  async open(url, { width, height }) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId));
    this.pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await page.send('Page.navigate', { url });
    return page;
  }

  /** Whether there was something to end. */
  end() {
    if (!this.child.pid || this.child.exitCode !== null || this.child.signalCode !== null) return false;
    return process.kill(-this.child.pid, 'SIGKILL');
  }

  async close() {
    this.socket?.terminate();
    const ended = new Promise(resolve => this.child.once('exit', resolve));
    if (this.end()) await ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

async function address(child) {
  const said = [];
  const failed = new Promise((_, reject) => child.once('error', reject));
  const read = async () => {
    for await (const line of createInterface({ input: child.stderr })) {
      const url = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
      if (url) return url;
      said.push(line);
    }
    throw new Error(`Chromium ended before it listened\n${said.join('\n')}`);
  };
  const url = await Promise.race([read(), failed]);
  child.stderr.resume();
  return url;
}

class Page {
  constructor(send) {
    this.send = send;
    /** What went wrong in the page by itself: exceptions, failed loads, errors on its console. */
    this.complaints = [];
  }

  hear(method, params) {
    if (method === 'Runtime.exceptionThrown') this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Log.entryAdded' && params.entry.level === 'error') this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') this.complaints.push(params.args.map(arg => arg.value ?? arg.description).join(' '));
  }

  /** Calls the function in the page with values that JSON can hold; its answer is one, too. */
  async evaluate(code, ...values) {
    const expression = `(${code})(${values.map(value => JSON.stringify(value)).join(',')})`;
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  text(id) {
    return this.evaluate(id => document.getElementById(id).textContent, id);
  }

  /** Until what an element says fits; says what it said if it never does. */
  async says(id, fits, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
      const said = await this.evaluate(id => document.getElementById(id)?.textContent, id);
      if (said !== undefined && fits(said)) return said;
      if (Date.now() > end) throw new Error(`#${id} says ${JSON.stringify(said)} after ${patience / 1000} s`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  press(selector) {
    return this.evaluate(selector => document.querySelector(selector).click(), selector);
  }

  /** The mouse, pressed at the first place, moved through the others, let go at the last. */
  async drag(...places) {
    await this.hold(...places);
    await this.release(places.at(-1));
  }

  async hold(from, ...through) {
    await this.mouse('mouseMoved', from, 'none');
    await this.mouse('mousePressed', from);
    for (const place of through) await this.mouse('mouseMoved', place);
  }

  release(place) {
    return this.mouse('mouseReleased', place);
  }

  click(place) {
    return this.drag(place);
  }

  mouse(type, [x, y], button = 'left') {
    return this.send('Input.dispatchMouseEvent', { type, x, y, button, buttons: button === 'left' && type !== 'mouseReleased' ? 1 : 0, clickCount: 1 });
  }

  toFront() {
    return this.send('Page.bringToFront');
  }

  async screenshot(file) {
    await this.toFront();
    await this.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }
}
