// Starts the page: styles, clock, event stream, links, and the first screen.

import './style/tokens.css';
import './style/frame.css';
import './style/parts.css';
import './style/screens.css';
import './style/charts.css';
import './style/bench.css';
import './style/access.css';
import './style/stops.css';
import { render } from 'preact';
import { connect } from './api/live';
import { App } from './app';
import { follow } from './router';
import { startClock } from './text/format';

const host = document.getElementById('page');
if (host) {
  follow();
  startClock();
  connect();
  render(<App />, host);
}
