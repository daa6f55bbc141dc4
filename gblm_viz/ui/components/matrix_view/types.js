// Types alone, for the type check: the picture's value, the server's answers, and the state of one view. Nothing here runs.

/**
 * @typedef {"sequential" | "diverging" | "mask" | "four"} Kind
 * @typedef {"max" | "extreme" | "mean" | "chance" | "shares"} Pooling
 * @typedef {[red: number, green: number, blue: number]} Colour
 * @typedef {{ rows: number, columns: number }} Shape
 * @typedef {{ row: number, column: number }} Place
 * @typedef {Record<string, string>} Words
 * @typedef {{ place: string, choices: Record<string, string> }} Followed a control of the page: see __init__.py
 * @typedef {Record<string, string | number>} Settings the controls' values by name
 */

/**
 * @typedef {object} Field one quantity that the view can show
 * @property {string} id
 * @property {string} label
 * @property {Kind} kind
 * @property {number} lo
 * @property {number} hi
 * @property {"linear" | "log"} scale
 * @property {string} unit
 * @property {string[]} categories
 * @property {Pooling} pooling
 */

/**
 * @typedef {object} Value what `picture` in __init__.py returns
 * @property {string} key
 * @property {number} rows
 * @property {number} columns
 * @property {string} title
 * @property {Field[]} fields
 * @property {string | null} field
 * @property {[rows: number, columns: number]} [heads]
 * @property {"heads" | "experts"} borders
 * @property {string} note
 * @property {number[] | null} [sorted] the stored column of each shown one
 * @property {string} [sortedBy]
 * @property {Record<string, Followed>} [live]
 * @property {[row: number, column: number] | null} [pin] as stored
 * @property {number} version
 * @property {Words} words
 */

/**
 * @typedef {{ row: number, column: number, rows: number, columns: number, height: number, width: number }} Piece
 * @typedef {{ key: string, field: string, version: number, live?: Settings, every?: number }} Asked
 * @typedef {Asked & Piece & { values?: 1 }} Request
 *
 * @typedef {object} Answer a tile as the server sends it
 * @property {string} [error] in place of all the rest
 * @property {number} version
 * @property {number} row
 * @property {number} column
 * @property {number} step
 * @property {number} height
 * @property {number} width
 * @property {number} planes
 * @property {string | Uint8Array} pixels
 * @property {string} [values]
 * @property {[row: number, column: number] | null} [strongest]
 *
 * @typedef {object} Server
 * @property {(request: Request) => Promise<Answer | null>} tile
 * @property {(request: Request) => Promise<{ error?: string, rows: string, columns: string } | null>} profile
 */

/**
 * @typedef {object} Tile
 * @property {Field} field
 * @property {string} name the request that it answers, or "overview"
 * @property {number} version
 * @property {number} row
 * @property {number} column
 * @property {number} step
 * @property {number} height
 * @property {number} width
 * @property {number} planes
 * @property {Uint8Array} pixels codes, 0 where any weight has no value; planes × height × width
 * @property {Float32Array | null} values
 * @property {boolean} gaps
 * @property {HTMLCanvasElement} picture
 * @property {HTMLCanvasElement | null} grown the picture enlarged by a whole number
 */

/**
 * @typedef {object} Port the part of the matrix on the canvas, in device pixels
 * @property {number} scale pixels per weight, as drawn
 * @property {number} wish pixels per weight that the wheel has asked for so far
 * @property {number} left of the matrix's corner
 * @property {number} top
 * @property {number} width of the canvas
 * @property {number} height
 * @property {number} ratio device pixels per pixel of the page
 * @property {boolean} fitted whether all of the matrix is in sight
 * @property {(Place & { x: number, y: number }) | null} anchor the place zoomed into, before rounding
 *
 * @typedef {Place & { step: number, exactRow: number, exactColumn: number }} Block the weights of one pixel, and the one pointed at
 * @typedef {{ x: number, y: number }} Point on the canvas, in device pixels
 * @typedef {{ name: string, rows: Float32Array, columns: Float32Array, most: number, mean: number }} Profile
 */

/**
 * @typedef {object} Parts elements of the template
 * @property {HTMLElement} title
 * @property {HTMLElement} fields
 * @property {HTMLElement} stage
 * @property {HTMLElement} message
 * @property {HTMLElement} hover
 * @property {HTMLElement} pinned
 * @property {HTMLElement} legend
 * @property {HTMLElement} cells
 * @property {HTMLInputElement} goto
 * @property {HTMLCanvasElement} columns
 * @property {HTMLCanvasElement} rows
 */

/**
 * @typedef {object} View the state of one view; it is made in matrix_view.js and passed to everything
 * @property {HTMLElement} element
 * @property {HTMLElement} root
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D} brush
 * @property {Parts} parts
 * @property {ReturnType<typeof import("./colours.js").makePalette>} palette
 * @property {import("../shared/csv.js").Rule} csv
 * @property {import("../shared/gradio.js").Letters} letters
 * @property {Server} server
 * @property {(event: string, data: object) => void} trigger
 * @property {string[]} sliders selectors of the elements around sliders that cause `release`
 * @property {Port} port
 * @property {Value | null} value
 * @property {Field | null} field the one that is wanted
 * @property {Words} words
 * @property {Tile | null} tile
 * @property {Tile | null} overview everything at once, small
 * @property {boolean} flying one request at a time
 * @property {boolean} failed
 * @property {Point | null} pointer
 * @property {(Point & { left: number, top: number, far: boolean }) | null} drag where it began
 * @property {Place | null} pin as shown
 * @property {string} pinText
 * @property {number} pinAsked counts questions for the pinned weight's number: only the last one's answer is used
 * @property {{ of: string, numbers: number[] | null, timer: number }} probe the number under the pointer
 * @property {Place | null} echo the place pointed at in another view, as stored
 * @property {Profile | null} profile
 * @property {string} profileAsked
 * @property {number} frame
 * @property {{ stage: string, text: string } | null} theme
 * @property {CanvasPattern | null} hatching
 * @property {string} legendOf what the legend describes
 * @property {Settings | null} live the controls that the picture follows while they are ahead of it
 * @property {HTMLInputElement | null} heard the last of them that moved since they were read
 * @property {number} resting
 * @property {number} announcing
 * @property {() => void} applyMove show what the port, once it has changed, has in sight
 * @property {() => void} redraw draw a tile or a profile that has come, and the legend
 * @property {() => void} finish say what is on the screen, once all that is wanted is
 * @property {() => void} drawSoon draw in the next frame
 *
 * @typedef {View & { value: Value, field: Field }} ShownView a view with a picture
 */

export {};
