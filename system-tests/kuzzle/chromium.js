// A page in Chromium, driven by the protocol of its developer tools: it is opened, and what it evaluates is told. Where there is no Chromium, there is no page.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const WebSocket = require('ws');

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PATIENCE = 60_000;

/** Where it is, if it is anywhere. */
function find() {
  const folders = (process.env.PATH || '').split(path.delimiter);
  const places = NAMES.flatMap(name => folders.map(folder => path.join(folder, name)));
  return places.find(place => fs.existsSync(place));
}

class Chromium {
  constructor(child, profile, tools) {
    Object.assign(this, { child, profile, tools, next: 1, waiting: new Map() });
    tools.on('message', text => {
      const { id, error, result } = JSON.parse(text);
      const waits = this.waiting.get(id);
      this.waiting.delete(id);
      if (waits && error) waits.reject(new Error(error.message));
      else if (waits) waits.resolve(result);
    });
  }

  static async start(binary) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'consign-page-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0'];
    const child = spawn(binary, [...options, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const address = await new Promise((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => reject(new Error(`Chromium says nothing of its tools: ${said}`)), PATIENCE);
      child.stderr.on('data', piece => {
        said += piece;
        const found = /DevTools listening on (ws:\S+)/.exec(said);
        if (found) resolve(found[1]);
        if (found) clearTimeout(timer);
      });
      child.on('exit', code => reject(new Error(`Chromium ended with ${code}: ${said}`)));
    });
    const tools = new WebSocket(address);
    await new Promise((resolve, reject) => tools.on('open', resolve).on('error', reject));
    return new Chromium(child, profile, tools);
  }

  send(method, params, sessionId) {
    const id = this.next++;
    this.tools.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** Opens a page; what an expression comes to there is told by the function that is given back. */
  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    await this.send('Page.enable', {}, sessionId);
    await this.send('Page.navigate', { url }, sessionId);
    return async expression => {
      const asked = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await this.send('Runtime.evaluate', asked, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
  }

  async close() {
    const ended = new Promise(resolve => this.child.once('exit', resolve));
    this.tools.close();
    this.child.kill('SIGKILL');
    await ended;
    // Its own processes write there until they have seen its end.
    await fs.promises.rm(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

module.exports = { Chromium, find };
