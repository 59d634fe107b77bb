// The charts as one file of the built page.

export { OverlayChart } from './overlay';
export { SpectrumChart } from './spectrum';
export { TrendChart } from './trend';
export { Waterfall } from './waterfall';
