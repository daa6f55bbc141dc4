// Types alone, for the type check: what Gradio hands to the script of a component. Nothing here runs.

/**
 * The colours that carry meaning, from figures/colours.py.
 * @typedef {object} Colours
 * @property {{ sequential: string[], diverging: string[], density: string[] }} ramps
 * @property {string} kept
 * @property {string} removed
 * @property {string} pick marks what the user has selected
 * @property {string} bothKept
 * @property {string} bothRemoved
 */

/**
 * The letter sizes that canvases draw with, in pixels of the page, from figures/sizes.py.
 * @typedef {{ small: number, head: number, fine: number }} Letters
 */

/**
 * What own_component.py gives to every script besides Gradio's own.
 * @typedef {{ colours: Colours, letters: Letters }} Config
 */

/**
 * @template Value
 * @template [Others=unknown] further arguments of the component
 * @template [Server=unknown] its server functions
 * @typedef {object} Gradio
 * @property {HTMLElement} element the component's place in the page
 * @property {{ value?: Value | null } & Others} props always the current ones
 * @property {(event: string, data: object) => void} trigger sends an event to the server
 * @property {(name: string, changed: () => void) => void} watch calls `changed` after each change of a property
 * @property {Server} server
 */

export {};
