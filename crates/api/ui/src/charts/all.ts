// The charts as one file of the built page.

export { SpectrumChart } from './spectrum';
export { TrendChart } from './trend';
