// A uPlot canvas inside the page: made once per shape, fed in place, as wide as its room.
//
// Options are made anew only when `shape` changes; hooks of a chart read whatever else they draw from
// an object that the chart keeps.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

interface Props {
  /** Everything that asks for a new canvas: colours, language, axes. */
  shape: string;
  options: () => Omit<uPlot.Options, 'width' | 'height'>;
  data: uPlot.AlignedData;
  height: number;
  /** What the picture says, in words. */
  label: string;
}

export function Plot({ shape, options, data, height, label }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ options, data });
  latest.current = { options, data };

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const size = () => ({ width: Math.max(element.clientWidth, 100), height });
    const made = new uPlot({ ...latest.current.options(), ...size() }, latest.current.data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth !== made.width) made.setSize(size());
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, height]);

  useEffect(() => plot.current?.setData(data), [data]);

  return <div class="plot" ref={host} role="img" aria-label={label} />;
}
