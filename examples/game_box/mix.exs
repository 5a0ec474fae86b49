defmodule GameBox.MixProject do
  use Mix.Project

  def project do
    [
      app: :game_box,
      version: "1.42.0",
      elixir: "~> 1.14",
      description: "Turn-based games as plug-ins",
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      start_permanent: Mix.env() == :prod,
      # Tests say what their node is like before it starts.
      aliases: [test: "test --no-start"],
      deps: [{:extism, path: "../../sdk/elixir"}],
      # Mnesia is started by the store, when it has found its folder and its peers.
      xref: [exclude: [:mnesia]]
    ]
  end

  # jiffy (JSON) and mochiweb (HTTP, HTML tokens) come with the system's Erlang: see README.md.
  def application do
    [extra_applications: [:logger, :crypto, :jiffy, :mochiweb], mod: {GameBox.Application, []}]
  end
end
