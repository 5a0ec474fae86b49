defmodule GameBox.Limits do
  @moduledoc """
  Every bound of the box, with its unit. What a game may use of the machine is given to Extism as limits; the
  rest is checked where the value comes in.
  """

  @doc "The largest game that may be uploaded."
  def module_bytes_max, do: 8 * 1024 * 1024

  @doc "All games together: they are on every node's disk."
  def catalogue_bytes_max, do: 256 * 1024 * 1024

  @doc "Uploads that are tried out at the same time, on each node: compiling them is work."
  def trials_max, do: 4

  def title_length_max, do: 60
  def description_length_max, do: 400

  @doc "Rooms of the whole cluster."
  def rooms_max, do: 1000

  @doc "Players of a room. A game that needs more is refused."
  def players_max, do: 16

  @doc "Browsers of one player that follow a room, and of all who only watch."
  def streams_max(nil), do: 200
  def streams_max(_player), do: 8

  @doc "Moves that wait while another one is being made."
  def queue_max, do: 32

  @doc "One call of a game."
  def call_time_ms_max, do: 1000

  @doc "One turn: the move and the views of everybody."
  def turn_time_ms_max, do: 3000

  @doc "Loading a game: its compilation and start."
  def load_time_ms_max, do: 20_000

  @doc "Wasm instructions of one call, about."
  def fuel_max, do: 1_000_000_000

  def memory_bytes_max, do: 64 * 1024 * 1024

  @doc "The state of a game. It is replicated with every move."
  def state_bytes_max, do: 256 * 1024

  @doc "A view as the game renders it."
  def html_bytes_max, do: 128 * 1024

  @doc "Elements and texts of a view."
  def nodes_max, do: 5000

  @doc "Elements in elements."
  def depth_max, do: 64

  @doc "The body of a request that is not a game."
  def request_bytes_max, do: 16 * 1024

  @doc "The values of an event, each as text."
  def values_max, do: 32

  @doc "An event's name, and each name and value that it carries."
  def value_bytes_max, do: 1024

  @doc "A room in which nothing happened for so long, and that nobody follows, is closed."
  def room_idle_ms_max, do: 24 * 60 * 60 * 1000

  @doc "A host who is away for so long is followed by the next player who is there."
  def host_away_ms_max, do: 30_000

  @doc "How often an address may do something in a minute."
  def rate(:open), do: 20
  def rate(:upload), do: 20
  def rate(:look), do: 120
  def rate(:act), do: 600
end
